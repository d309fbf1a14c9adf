package acme_test

import (
	"regexp"
	"testing"
	"time"

	"gatelodge.dev/e2e/pebble"
)

// TestProfiles: an Ingress gets a certificate by the profile that it asks for, and one
// that asks for a profile that the CA does not have is told which it has, without an
// order, until it asks for one of them.
func TestProfiles(t *testing.T) {
	t.Parallel()
	s := newSite(t, pebble.Options{Validity: map[string]time.Duration{"classic": 90 * 24 * time.Hour, "shortlived": 6 * 24 * time.Hour}})
	s.configure("profile: classic")
	s.askFor(asked{host: "mistaken.example.test", keyType: "rsa-2048", profile: "short"}, asked{host: "short.example.test", profile: "shortlived"}, asked{host: "plain.example.test"})
	s.start()
	s.Await("certificates by the profiles that there are", func() error { return s.accepted("short.example.test", "plain.example.test") })
	s.Await("the profiles of the CA", func() error {
		return s.told("no certificate was issued for mistaken.example.test: ", `no profile \"short\", write one of classic, shortlived`, "NotIssued")
	})
	if text, err := s.Page("/api/orders"); err != nil || !orderOfRSA.MatchString(text) {
		t.Errorf("/api/orders lists %s, %v, want mistaken.example.test, whose key is to be rsa-2048", text, err)
	}
	s.lives("short.example.test", 6*24*time.Hour)
	s.lives("plain.example.test", 90*24*time.Hour)
	if good, _ := s.proxy.Orders(); good != 2 {
		t.Errorf("%d orders succeeded or are in progress, want 2: a profile that the CA does not have is not ordered", good)
	}

	s.askFor(asked{host: "mistaken.example.test", keyType: "rsa-2048", profile: "shortlived"}, asked{host: "short.example.test", profile: "shortlived"}, asked{host: "plain.example.test"})
	s.Await("a certificate by the corrected profile", func() error { return s.accepted("mistaken.example.test") })
	s.lives("mistaken.example.test", 6*24*time.Hour)
	s.Await("the end of the problem", s.noProblem)
}

var orderOfRSA = regexp.MustCompile(`"name":\s*"mistaken\.example\.test",\s*"keyType":\s*"rsa-2048"`)

// lives checks for how long the certificate of a name is valid. CAs count the last
// second, too (RFC 5280 §4.1.2.5).
func (s *site) lives(name string, want time.Duration) {
	s.t.Helper()
	leaf, err := s.Accepted(name)
	if err != nil {
		s.t.Error(err)
		return
	}
	if got := leaf.NotAfter.Sub(leaf.NotBefore); got != want && got != want-time.Second {
		s.t.Errorf("the certificate for %s is valid for %v, want %v", name, got, want)
	}
}
