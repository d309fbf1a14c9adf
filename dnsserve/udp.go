package dnsserve

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// udpServer answers on UDP sockets that share one address.
type udpServer struct {
	sockets   []*net.UDPConn
	responder func() *responder
	log       *slog.Logger
	draining  atomic.Bool
}

func newUDPServer(sockets []*net.UDPConn, responder func() *responder, log *slog.Logger) *udpServer {
	return &udpServer{sockets: sockets, responder: responder, log: log}
}

// listenUDP binds address, host:port.
func listenUDP(address string) ([]*net.UDPConn, error) {
	c, err := net.ListenPacket("udp", address)
	if err != nil {
		return nil, err
	}
	return []*net.UDPConn{c.(*net.UDPConn)}, nil
}

// serve answers until the socket is closed, or drain has been called and it is
// empty.
func (s *udpServer) serve() error {
	c := s.sockets[0]
	defer c.Close()
	r := s.responder()
	in, out := make([]byte, 65535), make([]byte, 0, maxUDP)
	for {
		n, client, err := c.ReadFromUDPAddrPort(in)
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return fmt.Errorf("UDP %s: %w", c.LocalAddr(), err)
		}
		if reply := r.respond(out, in[:n], client.Addr(), overUDP, time.Now()); reply != nil {
			_, _ = c.WriteToUDPAddrPort(reply, client) // nobody waits for a reply that can't be sent
		}
	}
}

// drain makes serve end once all that has arrived is answered.
func (s *udpServer) drain() {
	s.draining.Store(true)
	for _, c := range s.sockets {
		_ = c.SetReadDeadline(time.Now())
	}
}

func (s *udpServer) close() {
	for _, c := range s.sockets {
		c.Close()
	}
}
