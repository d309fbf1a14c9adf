package acme_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatelodge.dev/e2e/pebble"
)

// TestChallenges: names in our zone are proved by our DNS, also a wildcard together
// with its parent; others by a handshake or, where that does not reach us, over
// HTTP.
func TestChallenges(t *testing.T) {
	t.Parallel()
	// The HTTPS listener is at one address only, the HTTP listener at all addresses.
	s := newSite(t, pebble.Options{Addresses: map[string]string{"http.example.net": "127.0.0.2"}})
	s.configure("wildcards: [apps.example.test]")
	s.ask("www.example.test", "apps.example.test", "a.apps.example.test", "b.apps.example.test", "*.branches.example.test",
		"handshake.example.net", "http.example.net")
	s.start()

	names := []string{"www.example.test", "apps.example.test", "a.apps.example.test", "b.apps.example.test", "x.branches.example.test",
		"handshake.example.net", "http.example.net"}
	s.Await("certificates of all hosts", func() error { return s.accepted(names...) })
	for name, want := range map[string]string{
		"www.example.test": "www.example.test", "apps.example.test": "apps.example.test", "a.apps.example.test": "*.apps.example.test",
		"x.branches.example.test": "*.branches.example.test", "http.example.net": "http.example.net",
	} {
		if leaf, err := s.Accepted(name); err != nil || !slices.Equal(leaf.DNSNames, []string{want}) {
			t.Errorf("%s is shown a certificate for %v, want %s: %v", name, leaf, want, err)
		}
	}
	// One wildcard for both hosts below apps, and a second order where the
	// handshake did not reach us.
	if good, failed := s.proxy.Orders(); good != 6 || failed < 1 {
		t.Errorf("%d orders succeeded and %d failed, want 6 for 6 certificates, one proved at the second attempt", good, failed)
	}
	for _, by := range []string{"by=dns-01", "by=tls-alpn-01", "by=http-01"} {
		if !strings.Contains(s.Stderr.String(), by) {
			t.Errorf("nothing was ordered %s", by)
		}
	}
	metrics, err := s.Page("/metrics")
	if series := `gatelodge_certificate_expiry_timestamp_seconds{name="*.apps.example.test",source="acme"}`; err != nil || !strings.Contains(metrics, series) {
		t.Errorf("the metrics have no %s: %v", series, err)
	}
	s.Await("the end of all challenges", func() error {
		text, err := s.Page("/snapshot")
		if err == nil && strings.Contains(text, "\nchallenge ") {
			err = fmt.Errorf("the snapshot has challenges")
		}
		return err
	})
}
