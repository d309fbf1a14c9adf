package acme_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"testing"

	"gatelodge.dev/e2e/pebble"
)

// TestTwoKindsOfKeys: a host whose Ingress asks for keys of ECDSA and RSA gets a
// certificate of each, by an order of each, and clients get the one whose signatures
// they can verify.
func TestTwoKindsOfKeys(t *testing.T) {
	t.Parallel()
	s := newSite(t, pebble.Options{})
	s.configure()
	s.askFor(asked{host: "both.example.test", keyType: "ecdsa-p256,rsa-2048"}, asked{host: "rsa.example.test", keyType: "rsa-2048"})
	s.start()
	s.Await("both kinds of certificates", func() error {
		return errors.Join(s.getsKey("both.example.test", onlyECDSA, x509.ECDSA), s.getsKey("both.example.test", onlyRSA, x509.RSA),
			s.getsKey("rsa.example.test", onlyRSA, x509.RSA))
	})
	if leaf, err := s.Accepted("both.example.test"); err != nil || leaf.PublicKeyAlgorithm != x509.ECDSA {
		t.Errorf("a client that can verify both is shown %v, want a key of ECDSA: %v", leaf, err)
	}
	if good, _ := s.proxy.Orders(); good != 3 {
		t.Errorf("%d orders succeeded, want one for each of 3 certificates", good)
	}
}

// What clients offer that can verify signatures of one kind only: up to TLS 1.2 the
// cipher suite says with what kind of key the server signs (RFC 8422 §2).
var (
	onlyECDSA = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}
	onlyRSA   = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256}
)

// getsKey returns an error unless a client that offers only these cipher suites
// accepts the certificate for a name, with a key of the kind that is wanted.
func (s *site) getsKey(name string, suites []uint16, want x509.PublicKeyAlgorithm) error {
	leaf, err := s.Handshake(&tls.Config{ServerName: name, RootCAs: s.Roots, MaxVersion: tls.VersionTLS12, CipherSuites: suites})
	if err == nil && leaf.PublicKeyAlgorithm != want {
		err = fmt.Errorf("the certificate has a key of %v, want %v", leaf.PublicKeyAlgorithm, want)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
