package dnsserve

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	gatelodge "gatelodge.dev"
)

// listener is an address that the server listens on.
type listener struct {
	name     string
	addr     netip.AddrPort
	services []service
}

// service is one way of answering on an address.
type service interface {
	serve() error // until it is closed or drained
	drain()       // makes serve end once what has arrived is answered
	close()       // makes serve end at once
}

// Listen binds the address of l: UDP and TCP for protocol DNS, TCP for DOT. Port 0 is
// any free port. After Serve is called, queries are answered from the first of l's
// views that is for the client.
func (s *Server) Listen(l gatelodge.Listener) error {
	bound, err := s.bind(l)
	if err != nil {
		return fmt.Errorf("listener %s: %w", l.Name, err)
	}
	bound.name = l.Name
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = append(s.listeners, bound)
	return nil
}

func (s *Server) bind(l gatelodge.Listener) (*listener, error) {
	var open func() ([]syscall.Conn, error)
	switch l.Protocol {
	case gatelodge.DNS:
		open = func() ([]syscall.Conn, error) { return bindDNS(l.Address) }
	case gatelodge.DOT:
		if s.cfg.Certificate == nil {
			return nil, errors.New("DNS over TLS needs a certificate, and none is configured")
		}
		open = func() ([]syscall.Conn, error) { return bindTCP(l.Address) }
	default:
		return nil, fmt.Errorf("protocol %s is not DNS", l.Protocol)
	}
	sockets, err := s.cfg.Sockets.Open(l, open)
	if err != nil {
		return nil, err
	}
	responder := func() *responder { return s.newResponder(l.Views) }
	bound := &listener{}
	udp := &udpServer{responder: responder}
	for _, socket := range sockets {
		switch socket := socket.(type) {
		case *net.TCPListener:
			bound.addr = socket.Addr().(*net.TCPAddr).AddrPort()
			var accept net.Listener = socket
			via := overTCP
			if l.Protocol == gatelodge.DOT {
				accept, via = tls.NewListener(socket, s.tlsConfig()), overTLS
			}
			bound.services = append(bound.services, newTCPServer(accept, via, responder, s.log))
		case *net.UDPConn:
			udp.sockets = append(udp.sockets, socket)
		}
	}
	if len(udp.sockets) > 0 {
		bound.services = append(bound.services, udp)
	}
	return bound, nil
}

// bindTries is how many free TCP ports are tried to find one that is free for
// UDP too.
const bindTries = 20

// bindDNS returns a socket for TCP and those for UDP, all bound to one address.
func bindDNS(address string) ([]syscall.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		// TCP comes first: it does not share its address, so a second gateway
		// fails here and does not take half of the first one's UDP queries.
		tcp, err := net.Listen("tcp", address)
		if err != nil {
			return nil, err
		}
		bound := tcp.Addr().(*net.TCPAddr)
		udp, err := bindUDP(net.JoinHostPort(host, strconv.Itoa(bound.Port)))
		if err == nil {
			sockets := []syscall.Conn{tcp.(*net.TCPListener)}
			for _, socket := range udp {
				sockets = append(sockets, socket)
			}
			return sockets, nil
		}
		tcp.Close()
		if port != "0" || try == bindTries {
			return nil, err
		}
	}
}

// bindTCP returns a socket for TCP alone.
func bindTCP(address string) ([]syscall.Conn, error) {
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return []syscall.Conn{tcp.(*net.TCPListener)}, nil
}

// Addr returns the address of the listener of this name, and the zero AddrPort if
// there is none.
func (s *Server) Addr(listener string) netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.listeners {
		if l.name == listener {
			return l.addr
		}
	}
	return netip.AddrPort{}
}
