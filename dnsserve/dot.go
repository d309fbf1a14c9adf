package dnsserve

import "crypto/tls"

// alpnDOT names DNS over TLS in the handshake (RFC 7858, IANA's registry).
const alpnDOT = "dot"

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
