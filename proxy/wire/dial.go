package wire

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// keepAlive finds a peer gone while a request or nothing waits for it: with the
// limit of LimitSilence, after this idle time and this interval.
const keepAlive = 5 * time.Second

// Dial connects to an endpoint.
func Dial(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: keepAlive, Interval: keepAlive}}
	return dialer.DialTCP(ctx, "tcp", netip.AddrPort{}, address)
}

// LimitSilence has a TCP connection fail when the peer acknowledges nothing of what
// was sent for as long as limit; 0 is no limit. So a peer that is gone without a
// word, as a pod whose node fails, is found long before a timeout for answers that
// may be slow. A peer that acknowledges but takes nothing more fails the connection,
// too: a body that it may take slowly has to be sent without the limit.
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

// IsSilence reports whether err is that of a connection whose peer was silent for too
// long. While it can't be reached at all, the kernel says that.
func IsSilence(err error) bool {
	return errors.Is(err, syscall.ETIMEDOUT) || errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH)
}
