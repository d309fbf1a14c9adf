package tls

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"sync/atomic"

	"gatelodge.dev"
)

var errNothingServed = errors.New("no snapshot is served yet")

// Server picks the certificate for each handshake.
type Server struct {
	table    *gatelodge.Table[*table]
	selfMade *selfMade
	tickets  atomic.Pointer[tickets]
	log      *slog.Logger
}

// New returns a Server of what is live; it must be called before live's first
// Swap.
func New(live *gatelodge.Live, log *slog.Logger) *Server {
	s := &Server{
		table:    gatelodge.NewTable(live, compile, nil),
		selfMade: newSelfMade(),
		log:      log,
	}
	s.tickets.Store(newTickets())
	return s
}

// Config returns a configuration for HTTPS listeners, whose certificates and
// lowest version follow what is live.
//
// It fills the Handshake in the context of a handshake, if there is one.
func (s *Server) Config() *tls.Config {
	return &tls.Config{
		NextProtos:         protocols(),
		GetConfigForClient: s.configFor,
	}
}

// configFor decides everything about a handshake from one load of the table.
// Unlike GetCertificate it runs for resumed sessions too, which show no
// certificate but may be asked for the same hosts.
//
// Key exchanges are the defaults of crypto/tls, which prefers X25519MLKEM768.
func (s *Server) configFor(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	t := s.table.Load()
	if t == nil {
		return nil, errNothingServed
	}
	if proof := t.proof(hello); proof != nil {
		return proof, nil
	}
	found := t.choose(hello.ServerName)
	h := gatelodge.HandshakeOf(hello.Context())
	if h != nil {
		h.Certificates = found.certificates
	}
	config := &tls.Config{
		NextProtos: protocols(),
		MinVersion: t.minVersion,
		// Those of TLS 1.3 can't be chosen, and need not be.
		CipherSuites: cipherSuites(),
		// Large answers in full records: each one costs a system call on either
		// side, which matters more to servers than the first bytes' latency.
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

// Certificate chooses the certificate for a handshake of a server that speaks
// another protocol than HTTP, and decides for itself about everything else.
func (s *Server) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	t := s.table.Load()
	if t == nil {
		return nil, errNothingServed
	}
	return s.certificate(hello, t.choose(hello.ServerName))
}

func (s *Server) certificate(hello *tls.ClientHelloInfo, found choice) (*tls.Certificate, error) {
	if c := supported(hello, found.certificates); c != nil {
		return c, nil
	}
	return s.makeFor(found.host)
}

// cipherSuites are those of TLS 1.2 with forward secrecy and authenticated
// encryption (RFC 9325 §4.2), which leaves out some that crypto/tls would offer:
// the modes of CBC, whose padding has leaked the plain text before. crypto/tls
// decides on their order.
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

// supported returns the first certificate that the client can verify the type
// of, which is how one of an RSA and an ECDSA certificate is chosen. A client
// that supports none gets the first, for the alert that crypto/tls then sends
// is clearer than a certificate that nobody configured.
func supported(hello *tls.ClientHelloInfo, certificates []*gatelodge.Certificate) *tls.Certificate {
	if len(certificates) == 0 {
		return nil
	}
	for _, c := range certificates {
		if hello.SupportsCertificate(c.KeyPair) == nil {
			return c.KeyPair
		}
	}
	return certificates[0].KeyPair
}

func (s *Server) makeFor(host gatelodge.Name) (*tls.Certificate, error) {
	c, made, err := s.selfMade.certificate(host)
	if err != nil {
		return nil, err
	}
	if made {
		s.log.Debug("made a certificate for a host that has none", "host", host)
	}
	return c, nil
}
