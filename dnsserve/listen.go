package dnsserve

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"

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

// Listen binds the address of l: UDP and TCP for protocol DNS, TCP for DOT. Port 0
// is any free port. Queries are answered from l's view, once Serve is called.
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
	responder := func() *responder { return s.newResponder(l.View) }
	switch l.Protocol {
	case gatelodge.DNS:
		return bindDNS(l.Address, responder, s.log)
	case gatelodge.DOT:
		return s.bindDOT(l.Address, responder)
	default:
		return nil, fmt.Errorf("protocol %s is not DNS", l.Protocol)
	}
}

// bindTries is how many free TCP ports are tried to find one that is free for
// UDP too.
const bindTries = 20

func bindDNS(address string, responder func() *responder, log *slog.Logger) (*listener, error) {
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
		addr := tcp.Addr().(*net.TCPAddr).AddrPort()
		udp, err := listenUDP(net.JoinHostPort(host, strconv.Itoa(int(addr.Port()))), responder)
		if err == nil {
			return &listener{addr: addr, services: []service{udp, newTCPServer(tcp, overTCP, responder, log)}}, nil
		}
		tcp.Close()
		if port != "0" || try == bindTries {
			return nil, err
		}
	}
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
