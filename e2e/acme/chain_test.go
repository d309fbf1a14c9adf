package acme_test

import (
	"crypto/tls"
	"fmt"
	"testing"

	"gatelodge.dev/e2e/pebble"
)

// TestPreferredChain: of two chains that the CA offers, that of the preferred issuer
// is served; one that it does not offer costs no certificate.
func TestPreferredChain(t *testing.T) {
	t.Parallel()
	s := newSite(t, pebble.Options{})
	issuer := s.ca.AlternateIssuer(t)
	s.configure(fmt.Sprintf("preferredChain: %q", issuer))
	s.ask("chosen.example.test")
	s.start()
	s.Await("the chain of the other root", func() error { return s.topIssuer("chosen.example.test", issuer) })

	s.configure("preferredChain: An issuer that is not offered")
	s.ask("chosen.example.test", "any.example.test")
	s.Await("a certificate by the CA's choice", func() error { return s.accepted("any.example.test") })
}

// topIssuer returns an error unless the last certificate that is shown for a name was
// issued by want.
func (s *site) topIssuer(name, want string) error {
	conn, err := tls.Dial("tcp", s.HTTPS, &tls.Config{ServerName: name, InsecureSkipVerify: true}) // the chain is looked at below
	if err != nil {
		return err
	}
	defer conn.Close()
	chain := conn.ConnectionState().PeerCertificates
	if got := chain[len(chain)-1].Issuer.CommonName; got != want {
		return fmt.Errorf("the chain of %s leads to %q, want %q", name, got, want)
	}
	return nil
}
