package proxy

import (
	"context"
	"net"
	"syscall"
	"testing"
)

// TestAcceptedConnectionsAreProbed: accepted connections have keep-alive, which
// detects clients that vanished.
func TestAcceptedConnectionsAreProbed(t *testing.T) {
	config := listenConfig()
	l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	raw, err := accepted.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		for name, option := range map[string]struct{ level, name, want int }{
			"SO_KEEPALIVE":  {syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
			"TCP_KEEPIDLE":  {syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, keepAliveIdle},
			"TCP_KEEPINTVL": {syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, keepAliveInterval},
			"TCP_KEEPCNT":   {syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, keepAliveProbes},
			"TCP_NODELAY":   {syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1},
		} {
			got, err := syscall.GetsockoptInt(int(fd), option.level, option.name)
			if err != nil || got != option.want {
				t.Errorf("%s: %d, %v; want %d", name, got, err, option.want)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
