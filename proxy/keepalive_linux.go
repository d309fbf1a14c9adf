package proxy

import (
	"net"
	"syscall"
)

// How an idle connection is found dead when its peer has vanished; the values are
// those of package net.
const (
	keepAliveIdle     = 15 // seconds of silence before the first probe
	keepAliveInterval = 15 // seconds between probes
	keepAliveProbes   = 9
)

// listenConfig sets keep-alive once on the listener, whose connections inherit it
// (tcp(7)). Four system calls on each connection would be a twentieth of the cost
// of one with a single request.
func listenConfig() net.ListenConfig {
	return net.ListenConfig{
		KeepAlive: -1,
		Control: func(_, _ string, c syscall.RawConn) error {
			var failed error
			err := c.Control(func(fd uintptr) {
				for _, option := range []struct{ level, name, value int }{
					{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
					{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, keepAliveIdle},
					{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, keepAliveInterval},
					{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, keepAliveProbes},
				} {
					if failed = syscall.SetsockoptInt(int(fd), option.level, option.name, option.value); failed != nil {
						return
					}
				}
			})
			if err != nil {
				return err
			}
			return failed
		},
	}
}
