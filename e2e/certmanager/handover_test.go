package certmanager_test

import (
	"context"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"gatelodge.dev/e2e/pebble"
	"gatelodge.dev/e2e/undertest"
)

const (
	web      = "web.example.test"
	www      = "www.example.test"
	wildcard = "*." + updatedName
)

// handedOver has the names that clients ask for, of two certificates.
var handedOver = []string{web, www, "any." + updatedName}

// TestHandover: by the steps of docs/migrate.md the gateway takes over from cert-manager
// a certificate that two hosts share, a wildcard, and the account. Nothing is ordered
// before a renewal is due, Secrets stay as they are, and no handshake fails.
func TestHandover(t *testing.T) {
	s := newSite(t)
	s.cluster.Apply(t, users)
	s.cluster.Apply(t, withCertificate("web", byCertManager, web, www))
	s.cluster.Apply(t, withCertificate("wild", byCertManager, wildcard))
	first := make(map[string]*x509.Certificate) // by name
	undertest.Await(t, "cert-manager's certificates", func() (err error) {
		for _, name := range handedOver {
			if first[name], err = s.Accepted(name); err != nil {
				return err
			}
		}
		return nil
	}, s, s.certManager)
	secrets, account := s.secrets(t), s.account(t)
	ledger := s.startLedger()
	clients := startClients(t, s.Gateway)

	// The zone of the wildcard moves first.
	s.configure(t, "example.test "+updatedName, fmt.Sprintf("acme: {directory: %q, caFile: %q, adopt: {accountSecret: shop/pebble-account}}", s.proxy.Directory, s.ca.RootsFile()))
	s.Await("the zone", func() error {
		addresses, err := s.Addresses(handedOver[2])
		if err == nil && len(addresses) != 1 {
			err = fmt.Errorf("%s has the addresses %v", handedOver[2], addresses)
		}
		return err
	})
	s.delegate()

	s.cluster.Apply(t, withCertificate("web", "", web, www))
	s.cluster.Apply(t, withCertificate("wild", "", wildcard))
	late := s.awaitTakenOver(t, nil)
	s.deleteCertificates(t, "web-tls", "wild-tls")
	s.cluster.Apply(t, withCertificate("web", `gatelodge.dev/acme: "true"`, web, www))
	s.cluster.Apply(t, withCertificate("wild", `gatelodge.dev/acme: "true"`, wildcard))
	s.awaitTakenOver(t, late)
	s.AwaitLog("adopted an ACME account")
	if !strings.Contains(s.Stderr.String(), "account="+account) {
		t.Errorf("the account is another than cert-manager's, %s", account)
	}
	for _, name := range handedOver {
		if leaf, err := s.Accepted(name); err != nil || !leaf.Equal(first[name]) {
			t.Errorf("%s has another certificate than cert-manager's: %v", name, err)
		}
	}
	ledger.check(t, s.proxy) // nothing is ordered before a renewal is due

	now := time.Now()
	for _, name := range handedOver[1:] {
		s.ca.SetRenewalWindow(t, first[name], now.Add(-time.Hour), now.Add(-time.Minute), "https://ca.example/why")
	}
	s.replaceReplica(t, clients)
	s.Await("the renewals", func() error {
		for _, name := range handedOver {
			leaf, err := s.Accepted(name)
			if err != nil {
				return err
			}
			if leaf.Equal(first[name]) {
				return fmt.Errorf("%s still has the certificate of cert-manager", name)
			}
			if leaf.PublicKeyAlgorithm != x509.ECDSA {
				return fmt.Errorf("%s has a key of type %v", name, leaf.PublicKeyAlgorithm)
			}
		}
		return nil
	})
	ledger.check(t, s.proxy, first[web], first[handedOver[2]])
	if now := s.secrets(t); !reflect.DeepEqual(now, secrets) {
		t.Error("the Secrets were changed")
	}

	// The remains are removed.
	s.certManager.Stop()
	for name := range secrets {
		if err := s.cluster.Client.CoreV1().Secrets("shop").Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	s.Await("the certificates to be the gateway's alone", func() error {
		snapshot, err := s.Page("/snapshot")
		if err == nil && strings.Contains(snapshot, "Secret shop/") {
			err = fmt.Errorf("a Secret is in use:\n%s", snapshot)
		}
		return err
	})
	problems, err := s.Page("/api/problems")
	for _, reason := range []string{"SecretMissing", "BadCertificate", "NotIssued"} {
		if err != nil || strings.Contains(problems, reason) {
			t.Errorf("problems without what cert-manager left: %s, %v", problems, err)
		}
	}
	clients.check(t)
}

// secrets returns what cert-manager keeps in its Secrets.
func (s *site) secrets(t *testing.T) map[string]map[string][]byte {
	t.Helper()
	data := make(map[string]map[string][]byte)
	for _, name := range []string{"web-tls", "wild-tls", "pebble-account"} {
		secret, err := s.cluster.Client.CoreV1().Secrets("shop").Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		data[name] = secret.Data
	}
	return data
}

const ofCertManager = "/apis/cert-manager.io/v1/namespaces/shop/"

// account returns the URL of the Issuer's account.
func (s *site) account(t *testing.T) string {
	t.Helper()
	text, err := s.cluster.Client.Discovery().RESTClient().Get().AbsPath(ofCertManager + "issuers/pebble").Do(t.Context()).Raw()
	if err != nil {
		t.Fatal(err)
	}
	var issuer struct {
		Status struct{ ACME struct{ URI string } }
	}
	if err := json.Unmarshal(text, &issuer); err != nil || issuer.Status.ACME.URI == "" {
		t.Fatalf("the Issuer has no account: %v in %s", err, text)
	}
	return issuer.Status.ACME.URI
}

func (s *site) deleteCertificates(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := s.cluster.Client.Discovery().RESTClient().Delete().AbsPath(ofCertManager + "certificates/" + name).Do(t.Context()).Error(); err != nil {
			t.Fatal(err)
		}
	}
}

// delegate has the CA ask the gateway about both zones.
func (s *site) delegate() {
	for _, zone := range []string{"example.test", updatedName} {
		s.ca.Resolver.SetZone(zone, s.DNS)
	}
}

// awaitTakenOver waits until the gateway says for each name that it replaces the
// Secret's certificate, and within which window, which is another one than before.
func (s *site) awaitTakenOver(t *testing.T, before map[string]string) (windows map[string]string) {
	t.Helper()
	secrets := map[string]string{web: "web-tls", www: "web-tls", wildcard: "wild-tls"}
	s.Await("the certificates to be taken over", func() error {
		snapshot, err := s.Page("/snapshot")
		if err != nil {
			return err
		}
		windows = make(map[string]string)
		for line := range strings.Lines(snapshot) {
			var name string
			fmt.Sscanf(line, "issue %s", &name)
			_, window, ok := strings.Cut(line, " of Secret shop/"+secrets[name]+" renew=")
			if ok && window != before[name] {
				windows[name] = window
			}
		}
		if len(windows) != len(secrets) {
			return fmt.Errorf("they are for %v:\n%s", slices.Collect(maps.Keys(windows)), snapshot)
		}
		return nil
	})
	return windows
}

// replaceReplica starts another replica and then ends the one that runs, as a rolling
// update does.
func (s *site) replaceReplica(t *testing.T, clients *clients) {
	t.Helper()
	old := s.Gateway
	s.Gateway = undertest.New(t)
	s.Name, s.Roots = "the second replica", old.Roots
	s.listenAt(100) // far from those of the Pods
	s.serve(t, "b")
	s.Await("it to serve the certificates", func() error {
		for _, name := range handedOver {
			if _, err := s.Accepted(name); err != nil {
				return err
			}
		}
		return nil
	})
	clients.goTo(s.Gateway)
	s.delegate()
	old.Stop()
}

// ledger has what the CA was asked for since it was started.
type ledger struct {
	good, failed int // orders before that

	mu       sync.Mutex
	accounts int      // that were made
	replaced []string // what each order says that it replaces
}

func (s *site) startLedger() *ledger {
	l := &ledger{}
	l.good, l.failed = s.proxy.Orders()
	s.proxy.SetFault(func(step pebble.Step) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		switch {
		case step.Kind == pebble.NewAccount && step.Status == http.StatusCreated: // 200 is for one that was there (RFC 8555 §7.3.1)
			l.accounts++
		case step.Kind == pebble.NewOrder && !step.After:
			l.replaced = append(l.replaced, step.Replaces)
		}
		return nil
	})
	return l
}

// check wants certificates to be replaced by an order each, and no account to be made.
// An order that fails, as the CA may not wait for an answer, is placed again, and may
// then not count as a replacement any more.
func (l *ledger) check(t *testing.T, ca *pebble.Proxy, certificates ...*x509.Certificate) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	good, failed := ca.Orders()
	good, failed = good-l.good, failed-l.failed
	if good < len(certificates) || good > len(certificates)+failed {
		t.Errorf("%d orders succeeded and %d failed, want one for each of %d certificates", good, failed, len(certificates))
	}
	var want []string
	for _, certificate := range certificates {
		serial, err := asn1.Marshal(certificate.SerialNumber)
		if err != nil {
			t.Fatal(err)
		}
		encode := base64.RawURLEncoding.EncodeToString // RFC 9773 §4.1
		want = append(want, encode(certificate.AuthorityKeyId)+"."+encode(serial[2:]))
	}
	if failed > 0 {
		want = append(want, "")
	}
	for _, id := range want {
		if id != "" && !slices.Contains(l.replaced, id) {
			t.Errorf("no order replaces %q", id)
		}
	}
	for _, id := range l.replaced {
		if !slices.Contains(want, id) {
			t.Errorf("an order replaces %q, want one of %q", id, want)
		}
	}
	if l.accounts > 0 {
		t.Errorf("%d accounts were made, want none", l.accounts)
	}
}

// clients make handshakes all the time, about fifty in a second.
type clients struct {
	stop func()
	done sync.WaitGroup

	mu     sync.Mutex
	at     *undertest.Gateway
	good   int
	failed []error
}

func startClients(t *testing.T, g *undertest.Gateway) *clients {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	c := &clients{stop: stop, at: g}
	c.done.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-tick.C:
				c.handshake(handedOver[i%len(handedOver)])
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(c.done.Wait) // t.Context has ended
	return c
}

func (c *clients) handshake(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.at.Accepted(name); err != nil {
		c.failed = append(c.failed, fmt.Errorf("%s: %w", name, err))
		return
	}
	c.good++
}

// goTo has the clients come to another replica from now on.
func (c *clients) goTo(g *undertest.Gateway) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = g
}

// check ends the clients, and wants no handshake to have failed.
func (c *clients) check(t *testing.T) {
	t.Helper()
	c.stop()
	c.done.Wait()
	if c.good == 0 || len(c.failed) > 0 {
		t.Errorf("%d handshakes succeeded and %d failed: %v", c.good, len(c.failed), errors.Join(c.failed[:min(len(c.failed), 5)]...))
	}
	t.Logf("%d handshakes", c.good)
}
