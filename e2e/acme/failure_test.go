package acme_test

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatelodge.dev/e2e/pebble"
	"gatelodge.dev/e2e/undertest"
)

// TestOneFailingHost: hosts that the CA refuses, can't find or fails at don't keep
// ten others from their certificates, and the problems of their Ingresses quote
// the CA.
func TestOneFailingHost(t *testing.T) {
	t.Parallel()
	s := newSite(t, pebble.Options{Blocked: []string{"blocked.example.net"}})
	s.ca.Resolver.SetZone("lost.test", "127.0.0.1:1") // no server is there
	s.proxy.SetFault(func(step pebble.Step) error {
		switch step.Name {
		case "foreign.example.net":
			return &pebble.Instead{Status: 403, Body: `{"type":"urn:ietf:params:acme:error:unauthorized","detail":"not a domain of this account"}`}
		case "poison.example.net":
			return &pebble.Instead{Status: 500, Body: `{"type":"urn:ietf:params:acme:error:serverInternal","detail":"stumbled"}`}
		}
		return nil
	})
	s.configure()
	var good []string
	for i := range 10 {
		good = append(good, fmt.Sprintf("host-%d.example.test", i))
	}
	s.ask(append([]string{"blocked.example.net", "www.lost.test", "foreign.example.net", "poison.example.net"}, good...)...)
	s.start()
	s.Await("ten certificates", func() error { return s.accepted(good...) })
	s.Await("the CA's words", func() error {
		return s.told(
			"no certificate was issued for blocked.example.net: the CA says: ", "policy", "rejectedIdentifier",
			"no certificate was issued for www.lost.test: the CA says: ",
			"no certificate was issued for foreign.example.net: the CA says: not a domain of this account (unauthorized)")
	})
	text, err := s.Page("/snapshot")
	if err != nil || !strings.Contains(text, "problem Ingress shop/host-0 ") || !strings.Contains(text, "problem Ingress shop/host-1 ") {
		t.Errorf("the problems are not those of the Ingresses: %v\n%s", err, text)
	}
}

// TestExternalAccountBinding: without the binding that the CA requires, and with a
// wrong key, nothing is ordered and a problem says so; the right key ends it
// without a restart.
func TestExternalAccountBinding(t *testing.T) {
	t.Parallel()
	key := base64.RawURLEncoding.EncodeToString([]byte("a key of thirty-two octets, sure"))
	wrong := base64.RawURLEncoding.EncodeToString([]byte("another of thirty-two octets, no"))
	s := newSite(t, pebble.Options{BindingKeys: map[string]string{"id-1": key}})
	s.configure()
	s.ask("www.example.test")
	s.start()
	s.Await("a problem about the missing binding", func() error {
		return s.told("Config acme", "no certificate can be ordered: the CA says: ", "externalAccountRequired")
	})

	s.configure("eab: {keyID: id-1, secret: gatelodge/eab}")
	s.Await("a problem about the missing Secret", func() error { return s.told("there is no Secret gatelodge/eab") })
	secret := func(key string) {
		s.write("manifests/eab.yaml", fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {namespace: gatelodge, name: eab}\nstringData: {hmac: %q}\n", key))
	}
	secret(wrong)
	s.Await("a problem about the wrong key", func() error {
		return s.told("no certificate can be ordered: the CA says: ", "external account binding")
	})
	secret(key)
	s.Await("a certificate", func() error { return s.accepted("www.example.test") })
	s.Await("the end of the problem", func() error { return s.noProblem() })
	for _, page := range []string{"/snapshot", "/api/problems", "/metrics"} {
		text, err := s.Page(page)
		if err != nil || strings.Contains(text, key) || strings.Contains(text, "thirty-two") {
			t.Errorf("%s shows the key of the binding: %v", page, err)
		}
	}
	if strings.Contains(s.Stderr.String(), key) || strings.Contains(s.Stderr.String(), wrong) {
		t.Error("the log shows a key of the binding")
	}
}

// noProblem returns an error while a problem says that something was not issued.
func (s *site) noProblem() error {
	problems, err := s.problems()
	if err == nil && strings.Contains(problems, "NotIssued") {
		err = errors.New(problems)
	}
	return err
}

// TestAccountDeactivated: with a deactivated account nothing is ordered, while
// what was issued is still served; once its item is deleted, a new account takes
// its place.
func TestAccountDeactivated(t *testing.T) {
	t.Parallel()
	s := newSite(t, pebble.Options{})
	s.configure()
	s.ask("first.example.test")
	s.start()
	s.Await("a certificate", func() error { return s.accepted("first.example.test") })
	item := s.deactivate()
	s.ask("first.example.test", "second.example.test")
	s.Await("a problem about the account", func() error {
		return s.told("Config acme", "no certificate can be ordered: the CA says: ", "deactivated")
	})
	if err := s.accepted("first.example.test"); err != nil {
		t.Error(err)
	}
	if err := os.Remove(item); err != nil {
		t.Fatal(err)
	}
	s.Await("a certificate by a new account", func() error { return s.accepted("second.example.test") })
	s.Await("the end of the problem", func() error { return s.noProblem() })
}

// deactivate has the CA forget the gateway's account, as the account's owner may,
// and returns the file that the account is in. It also checks that nobody but the
// owner can read the files of the state.
func (s *site) deactivate() string {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "state", "items", "*"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			s.t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			s.t.Errorf("%s has mode %v", file, info.Mode())
		}
	}
	file, item := s.account()
	if err := s.owner(item["key"]).DeactivateReg(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	return file
}

// TestAuthorityDownAndBack: while the CA is down, what was issued is served and one
// problem says so; when it is back, everything that was missed is ordered.
func TestAuthorityDownAndBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, pebble.Options{})
	s.configure()
	s.ask("before.example.test")
	s.start()
	s.Await("a certificate", func() error { return s.accepted("before.example.test") })

	s.proxy.SetFault(func(pebble.Step) error { return pebble.Broken })
	s.ask("before.example.test", "meanwhile.example.test", "too.example.net")
	s.Await("a problem that the CA can't be reached", func() error {
		return s.told("no certificate can be ordered: the CA can't be reached: ")
	})
	s.proxy.SetFault(func(pebble.Step) error {
		return &pebble.Instead{Status: http.StatusServiceUnavailable, Body: `{"type":"urn:ietf:params:acme:error:serverInternal","detail":"down for maintenance"}`}
	})
	s.Await("a problem with what the CA says", func() error {
		return s.told("no certificate can be ordered: the CA says: down for maintenance")
	})
	if problems, err := s.problems(); err != nil || strings.Count(problems, "NotIssued") != 1 {
		t.Errorf("a CA that is down is one problem: %v %s", err, problems)
	}
	if err := s.accepted("before.example.test"); err != nil {
		t.Error(err)
	}
	s.proxy.SetFault(nil)
	s.Await("the certificates that were missed", func() error { return s.accepted("meanwhile.example.test", "too.example.net") })
	s.Await("the end of the problem", func() error { return s.noProblem() })
}

// TestLostAnswers: the answer to each step is lost once, and the order is resumed
// where it stands: the CA sees one order.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	s := newSite(t, pebble.Options{})
	var mu sync.Mutex
	lost := make(map[string]bool)
	s.proxy.SetFault(func(step pebble.Step) error {
		mu.Lock()
		defer mu.Unlock()
		if !step.After || step.Status >= 300 || step.Kind == pebble.Other || step.Kind == pebble.NewOrder || lost[step.Kind] {
			return nil // an order whose URL is lost can't be found again
		}
		lost[step.Kind] = true
		return pebble.Broken
	})
	s.configure("keyType: rsa-2048")
	s.ask("www.example.test")
	s.start()
	// The waits after all these failures take a minute together, and those after others of
	// a busy machine are longer.
	undertest.AwaitWithin(t, 10*time.Minute, "a certificate", func() error { return s.accepted("www.example.test") }, s)
	if leaf, err := s.Accepted("www.example.test"); err != nil || leaf.PublicKeyAlgorithm != x509.RSA {
		t.Errorf("shown %v, %v, want a certificate for an RSA key", leaf, err)
	}
	if good, _ := s.proxy.Orders(); good != 1 {
		t.Errorf("the CA saw %d orders", good)
	}
	for _, kind := range []string{pebble.Directory, pebble.NewAccount, pebble.Authz, pebble.Accept, pebble.Order, pebble.Finalize, pebble.Certificate} {
		if !lost[kind] {
			t.Errorf("no answer of kind %s was lost", kind)
		}
	}
}

// TestRestartResumes: a gateway that is killed while the CA issues finishes the
// order after its restart, with the same account, and serves what it had from the
// first moment.
func TestRestartResumes(t *testing.T) {
	t.Parallel()
	s := newSite(t, pebble.Options{})
	s.configure()
	s.ask("first.example.test")
	s.start()
	s.Await("a certificate", func() error { return s.accepted("first.example.test") })

	finalized := make(chan struct{})
	var once sync.Once
	s.proxy.SetFault(func(step pebble.Step) error {
		if step.Kind == pebble.Finalize && step.After && step.Status < 300 {
			once.Do(func() { close(finalized) })
			return pebble.Broken
		}
		return nil
	})
	s.ask("first.example.test", "second.example.test")
	<-finalized
	s.Kill()
	s.proxy.SetFault(nil)
	s.configure("email: certificates@example.test") // which the CA is told, of the same account
	s.start()
	if err := s.accepted("first.example.test"); err != nil {
		t.Errorf("at the first moment: %v", err)
	}
	s.Await("the other certificate", func() error { return s.accepted("second.example.test") })
	orders, _ := s.proxy.Orders()
	if accounts := s.proxy.Count(pebble.NewAccount); orders != 2 || accounts != 1 {
		t.Errorf("the CA saw %d orders and %d accounts, want 2 and 1", orders, accounts)
	}
}
