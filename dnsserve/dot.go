package dnsserve

import (
	"crypto/tls"
	"errors"
	"net"
)

// alpnDOT names DNS over TLS in the handshake (RFC 7858, IANA's registry).
const alpnDOT = "dot"

// bindDOT binds the address for DNS over TLS (RFC 7858).
func (s *Server) bindDOT(address string, responder func() *responder) (*listener, error) {
	if s.cfg.Certificate == nil {
		return nil, errors.New("DNS over TLS needs a certificate, and none is configured")
	}
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return &listener{
		addr:     tcp.Addr().(*net.TCPAddr).AddrPort(),
		services: []service{newTCPServer(tls.NewListener(tcp, s.tlsConfig()), overTLS, responder, s.log)},
	}, nil
}

// tlsConfig follows the live settings. A handshake happens on the first read, so
// it counts towards the time that a client has for its first query.
func (s *Server) tlsConfig() *tls.Config {
	base := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{alpnDOT},
		GetCertificate: s.cfg.Certificate,
	}
	current := base.Clone()
	current.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		t := s.table.Load()
		if t == nil || t.minTLS <= base.MinVersion {
			return nil, nil
		}
		c := base.Clone()
		c.MinVersion = t.minTLS
		return c, nil
	}
	return current
}
