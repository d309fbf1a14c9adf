package wire

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// keepAlive detects a dead peer on a connection that waits or is idle: after this idle
// time and interval, and the limit of LimitSilence.
const keepAlive = 5 * time.Second

// Dial connects to an endpoint.
func Dial(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: keepAlive, Interval: keepAlive}}
	return dialer.DialTCP(ctx, "tcp", netip.AddrPort{}, address)
}

// LimitSilence makes a TCP connection fail when the peer does not acknowledge sent data
// for as long as limit; 0 is no limit. So a peer that disappears, like a pod whose node
// fails, is detected long before a timeout for slow answers. A peer that acknowledges
// but accepts no more data also fails the connection, so a body that it may read slowly
// must be sent without the limit.
func LimitSilence(conn net.Conn, limit time.Duration) {
	if layer, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = layer.NetConn()
	}
	if tcp, ok := conn.(syscall.Conn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { limitSilence(fd, limit) }) // fails only for a closed connection
		}
	}
}

// IsSilence reports whether err means that the peer was silent for too long. If the
// peer can't be reached at all, the kernel reports that instead.
func IsSilence(err error) bool {
	return errors.Is(err, syscall.ETIMEDOUT) || errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH)
}
