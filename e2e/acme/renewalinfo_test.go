package acme_test

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev/e2e/pebble"
)

// TestRenewalWindow: where the CA moves the renewal window of a certificate into the
// past (RFC 9773), as it does if that was revoked, the next leader renews it at once, as
// a replacement of the old one, and no other certificate.
func TestRenewalWindow(t *testing.T) {
	t.Parallel()
	s := newSite(t, pebble.Options{})
	s.configure()
	names := []string{"moved.example.test", "refused.example.test", "revoked.example.test", "calm.example.test"}
	s.ask(names...)
	s.start()
	s.Await("the first certificates", func() error { return s.accepted(names...) })
	first := make(map[string]*big.Int)
	for _, name := range names {
		leaf, err := s.Accepted(name)
		if err != nil {
			t.Fatal(err)
		}
		first[name] = leaf.SerialNumber
		switch name {
		case "moved.example.test", "refused.example.test":
			now := time.Now()
			s.ca.SetRenewalWindow(t, leaf, now.Add(-time.Hour), now.Add(-time.Minute), "https://ca.example/why")
		case "revoked.example.test": // Pebble has no CRL
			_, item := s.account()
			if err := s.owner(item["key"]).RevokeCert(t.Context(), nil, leaf.Raw, acme.CRLReasonKeyCompromise); err != nil {
				t.Fatal(err)
			}
		}
	}

	var mu sync.Mutex
	replaced := make(map[string][]string) // what each order for a name says that it replaces
	s.proxy.SetFault(func(step pebble.Step) error {
		if step.Kind != pebble.NewOrder || step.After {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		replaced[step.Name] = append(replaced[step.Name], step.Replaces)
		if step.Name == "refused.example.test" && step.Replaces != "" {
			return &pebble.Instead{Status: 409, Body: `{"type":"urn:ietf:params:acme:error:alreadyReplaced","detail":"it was replaced"}`}
		}
		return nil
	})
	s.Stop()
	s.start()
	s.Await("three renewals", func() error {
		for _, name := range names[:3] {
			leaf, err := s.Accepted(name)
			if err != nil {
				return err
			}
			if leaf.SerialNumber.Cmp(first[name]) == 0 {
				return fmt.Errorf("%s has its first certificate still", name)
			}
		}
		return nil
	})
	s.AwaitLog("the CA wants a certificate to be renewed at once")
	s.AwaitLog("because=https://ca.example/why")
	if leaf, err := s.Accepted("calm.example.test"); err != nil || leaf.SerialNumber.Cmp(first["calm.example.test"]) != 0 {
		t.Errorf("a certificate whose window lies ahead was renewed: %v", errors.Join(err, fmt.Errorf("%v", leaf)))
	}
	mu.Lock()
	defer mu.Unlock()
	// Pebble refuses nonces now and then: the same order is sent again (RFC 8555 §6.5).
	for _, name := range []string{"moved.example.test", "revoked.example.test"} {
		if r := slices.Compact(replaced[name]); len(r) != 1 || r[0] == "" {
			t.Errorf("the renewal of %s replaces %q, want one order that names the old certificate", name, r)
		}
	}
	_, failed := s.proxy.Orders() // each of which is ordered again
	if r := slices.Compact(replaced["refused.example.test"]); len(r) < 2 || len(r) > 2+2*failed || r[0] == "" || r[1] != "" {
		t.Errorf("a refused replacement is ordered as %q, want once with the old certificate and once without", r)
	}
}
