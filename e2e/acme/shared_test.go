package acme_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatelodge.dev/e2e/pebble"
)

// TestSharedCertificate: where a limit lets hosts wait, those of a namespace share a
// certificate, and each is proved in its own way. Of two that can't have one, one that
// can't be proved and one that the CA refuses, each has its own problem.
func TestSharedCertificate(t *testing.T) {
	t.Parallel()
	// The HTTPS listener is at one address only, the HTTP listener at all addresses.
	s := newSite(t, pebble.Options{Blocked: []string{"blocked.company.test"}, Addresses: map[string]string{"http.company.test": "127.0.0.2"}})
	s.ca.Resolver.SetZone("lost.company.test", "127.0.0.1:1") // no server is there
	s.configure("limits: {domain: 10/168h, names: 100}")
	good := []string{"http.company.test"}
	for i := range 20 {
		good = append(good, fmt.Sprintf("host-%02d.company.test", i))
	}
	good = append(good, "www.example.test")
	s.ask(append([]string{"blocked.company.test", "www.lost.company.test"}, good...)...)
	s.start()
	s.Await("certificates of all but two hosts", func() error { return s.accepted(good...) })
	s.Await("the CA's words", func() error {
		return s.told(
			"no certificate was issued for blocked.company.test: the CA says: ", "rejectedIdentifier",
			"no certificate was issued for www.lost.company.test: the CA says: ")
	})
	slices.Sort(good)
	shared := 0
	for _, name := range good {
		leaf, err := s.Accepted(name)
		if err != nil {
			t.Fatal(err)
		}
		if name == "www.example.test" && len(leaf.DNSNames) != 1 {
			t.Errorf("a host that need not wait shares a certificate with %v", leaf.DNSNames)
		}
		if strings.HasSuffix(name, ".company.test") && len(leaf.DNSNames) > 1 {
			shared++
		}
	}
	if shared < 10 {
		t.Errorf("%d of %d hosts share a certificate", shared, len(good)-1)
	}
}
