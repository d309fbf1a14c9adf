package tls

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"sync/atomic"

	"gatelodge.dev"
)

var errNothingServed = errors.New("no snapshot is served yet")

// Server chooses the certificate for each handshake.
type Server struct {
	table      *gatelodge.Table[*table]
	selfSigned *selfSigned
	awaited    awaited
	tickets    atomic.Pointer[tickets]
	log        *slog.Logger
}

// New returns a Server for the snapshots of live; call it before live's first
// Swap.
func New(live *gatelodge.Live, log *slog.Logger) *Server {
	s := &Server{
		table:      gatelodge.NewTable(live, compile, nil),
		selfSigned: newSelfSigned(),
		log:        log,
	}
	s.tickets.Store(newTickets())
	return s
}

// Config returns a configuration for HTTPS listeners. Its certificates and
// minimum version follow the live snapshot.
//
// It fills in the Handshake in the context of a handshake, if there is one.
func (s *Server) Config() *tls.Config {
	return &tls.Config{
		NextProtos:         protocols(),
		GetConfigForClient: s.configFor,
	}
}

// configFor decides everything about a handshake from one load of the table.
// Unlike GetCertificate it also runs for resumed sessions, which show no
// certificate but carry requests for the same hosts.
//
// Key exchanges are the defaults of crypto/tls, which prefers X25519MLKEM768.
func (s *Server) configFor(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	t := s.table.Load()
	if t == nil {
		return nil, errNothingServed
	}
	h, view := gatelodge.HandshakeOf(hello.Context()), ""
	if h != nil {
		view = h.View
	}
	if challenge := t.challengeConfig(hello, view); challenge != nil {
		return challenge, nil
	}
	found := t.choose(hello.ServerName, view)
	if h != nil {
		h.Certificates = found.certificates
	}
	config := &tls.Config{
		NextProtos: protocols(),
		MinVersion: t.minVersion,
		// The suites of TLS 1.3 can't be configured, and need not be.
		CipherSuites: cipherSuites(),
		// Use full records: each record costs a system call on either side, which
		// matters more here than the latency of the first bytes.
		DynamicRecordSizingDisabled: true,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return s.certificate(hello, found)
		},
	}
	trust := ""
	if found.trust != nil {
		found.trust.apply(config, h)
		trust = found.trust.source.Key
	}
	if err := s.tickets.Load().apply(config, trust); err != nil {
		return nil, err
	}
	return config, nil
}

// Certificate is a tls.Config.GetCertificate for servers of protocols other than
// HTTP, which configure everything else themselves.
func (s *Server) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	t := s.table.Load()
	if t == nil {
		return nil, errNothingServed
	}
	return s.certificate(hello, t.choose(hello.ServerName, ""))
}

func (s *Server) certificate(hello *tls.ClientHelloInfo, found choice) (*tls.Certificate, error) {
	if c := supported(hello, found.certificates); c != nil {
		return c, nil
	}
	s.awaited.note(found.host)
	return s.selfSignedFor(found.host)
}

// cipherSuites are those of TLS 1.2 with forward secrecy and authenticated
// encryption (RFC 9325 §4.2). Unlike the defaults of crypto/tls they leave out
// CBC modes, whose padding has leaked plain text before. crypto/tls orders them.
func cipherSuites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// protocols are offered by ALPN (RFC 7301), the preferred one first.
func protocols() []string { return []string{"h2", "http/1.1"} }

// supported returns the first certificate whose type the client supports: this
// chooses between an RSA and an ECDSA certificate. A client that supports none
// gets the first, because the alert that crypto/tls then sends is clearer than a
// certificate that is not configured.
func supported(hello *tls.ClientHelloInfo, certificates []*gatelodge.Certificate) *tls.Certificate {
	switch len(certificates) {
	case 0:
		return nil
	case 1: // SupportsCertificate would parse it
		return certificates[0].KeyPair
	}
	for _, c := range certificates {
		if hello.SupportsCertificate(c.KeyPair) == nil {
			return c.KeyPair
		}
	}
	return certificates[0].KeyPair
}

func (s *Server) selfSignedFor(host gatelodge.Name) (*tls.Certificate, error) {
	c, made, err := s.selfSigned.certificate(host)
	if err != nil {
		return nil, err
	}
	if made {
		s.log.Debug("made a certificate for a host that has none", "host", host)
	}
	return c, nil
}
