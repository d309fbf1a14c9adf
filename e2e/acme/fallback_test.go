package acme_test

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatelodge.dev/e2e/pebble"
	"gatelodge.dev/e2e/undertest"
)

// TestFirstCAIsDown: while the first of two CAs is down, hosts that have no certificate
// get theirs from the second, and this is told once. When the first is back, it issues
// for new hosts again, and nothing is ordered twice. Both want accounts to be bound.
func TestFirstCAIsDown(t *testing.T) {
	t.Parallel()
	keys := make(map[string]string)
	for _, id := range []string{"first", "second"} {
		keys[id] = base64.RawURLEncoding.EncodeToString([]byte("thirty-two octets of CA " + id + "........")[:32])
	}
	s := newSite(t, pebble.Options{BindingKeys: map[string]string{"first": keys["first"]}})
	second := s.startCA(pebble.Options{BindingKeys: map[string]string{"second": keys["second"]}})
	fallback := second.Proxy(t)
	for id, key := range keys {
		s.write("manifests/"+id+".yaml", fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {namespace: gatelodge, name: %s}\nstringData: {hmac: %q}\n", id, key))
	}
	s.configure("eab: {keyID: first, secret: gatelodge/first}", "patience: 1m", fmt.Sprintf(
		"fallbacks: [{directory: %s, caFile: %s, eab: {keyID: second, secret: gatelodge/second}}]", fallback.Directory, second.RootsFile()))
	s.ask("old.example.test")
	s.start()
	s.Await("a certificate of the first CA", func() error { return s.issuedBy(s.ca, "old.example.test") })
	if n := fallback.Count(pebble.Directory); n != 0 {
		t.Errorf("the second CA was asked %d times while the first works", n)
	}

	var down atomic.Bool
	s.proxy.SetFault(func(step pebble.Step) error {
		if down.Load() {
			return pebble.Broken
		}
		if step.Kind == pebble.NewOrder && step.After && step.Status < 300 {
			down.Store(true) // the gateway still learns of its order
		}
		return nil
	})
	s.ask("old.example.test", "begun.example.test")
	s.Await("a problem with the CA that is down", func() error { return s.told("Config acme", s.proxy.Directory+" fails since ") })
	s.ask("old.example.test", "begun.example.test", "new.example.test", "newer.example.test")
	told := s.caProblem()
	missing := []string{"begun.example.test", "new.example.test", "newer.example.test"}
	undertest.AwaitWithin(t, 4*time.Minute, "certificates of the second CA", func() error { return s.issuedBy(second, missing...) }, s)
	if now := s.caProblem(); now != told {
		t.Errorf("while the CA was down its problem has changed from\n%s\nto\n%s", told, now)
	}
	if err := s.issuedBy(s.ca, "old.example.test"); err != nil {
		t.Error(err)
	}

	s.proxy.SetFault(nil)
	s.Await("the first CA to be asked again", s.mayAskAgain)
	s.ask(append(missing, "old.example.test", "later.example.test")...)
	s.Await("a certificate of the first CA again", func() error { return s.issuedBy(s.ca, "later.example.test") })
	s.Await("the end of the problem", s.noProblem)
	if err := s.issuedBy(second, missing...); err != nil {
		t.Error(err)
	}
	// That for begun.example.test is lost with the first CA.
	for name, proxy := range map[string]*pebble.Proxy{"first": s.proxy, "second": fallback} {
		if good, _ := proxy.Orders(); good != 3 {
			t.Errorf("the %s CA saw %d orders, want one for each of 3 names", name, good)
		}
		if n := proxy.Count(pebble.NewAccount); n != 1 {
			t.Errorf("the %s CA saw %d accounts", name, n)
		}
	}
	if n := strings.Count(s.Stderr.String(), "level=WARN msg=\"a CA can't be used\""); n != 1 {
		t.Errorf("the log says %d times that the CA is down:\n%s", n, s.Stderr.String())
	}
}

// issuedBy returns an error until the names have certificates of a CA.
func (s *site) issuedBy(ca *pebble.CA, names ...string) error {
	roots := ca.Roots(s.t)
	for _, name := range names {
		if _, err := s.Handshake(&tls.Config{ServerName: name, RootCAs: roots}); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// caProblem returns the only problem that says that something was not issued.
func (s *site) caProblem() string {
	s.t.Helper()
	text, err := s.problems()
	if err != nil {
		s.t.Fatal(err)
	}
	var all []struct{ Reason, Message string }
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		s.t.Fatal(err)
	}
	var messages []string
	for _, p := range all {
		if p.Reason == "NotIssued" {
			messages = append(messages, p.Message)
		}
	}
	if len(messages) != 1 {
		s.t.Errorf("the problems are %q, want one about the CA", messages)
	}
	return strings.Join(messages, "\n")
}

var retryAt = regexp.MustCompile(`can't be used.*retry=(\S+)`)

// mayAskAgain returns an error until the gateway may ask a CA that failed again.
func (s *site) mayAskAgain() error {
	found := retryAt.FindAllStringSubmatch(s.Stderr.String(), -1)
	if len(found) == 0 {
		return errors.New("no CA failed")
	}
	at, err := time.Parse(time.RFC3339, found[len(found)-1][1])
	if err == nil && time.Now().Before(at) {
		err = fmt.Errorf("not before %v", at)
	}
	return err
}
