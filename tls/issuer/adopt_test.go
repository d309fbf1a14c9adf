package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
)

// issueElsewhere makes a certificate as another program has it.
func (ca *testCA) issueElsewhere(t *testing.T, names ...string) *gatelodge.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: names}, key)
	if err != nil {
		t.Fatal(err)
	}
	ca.mu.Lock()
	chain := ca.issue(csr)
	ca.mu.Unlock()
	text, err := encodeKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return certificateOfPEM(t, chain, text)
}

// registerElsewhere registers an account as another program has done it.
func (c *testCluster) registerElsewhere(t *testing.T, key crypto.Signer) (url, text string) {
	t.Helper()
	client := &acme.Client{Key: key, DirectoryURL: c.account.Directory, HTTPClient: httpClient(c, key)}
	account, err := client.Register(t.Context(), &acme.Account{}, acme.AcceptTOS)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := encodeKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return account.URI, string(encoded)
}

// TestAdopted: what another program had issued is kept and not ordered, and renewed as
// if it had been ordered here, by that program's account, with what it replaces.
func TestAdopted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newTestCA(t, "https://ca.test")
		ca.renewalInfo = true
		c := newTestCluster(t, ca)
		long, err := rsa.GenerateKey(rand.Reader, 2048) // as cert-manager's
		if err != nil {
			t.Fatal(err)
		}
		account, text := c.registerElsewhere(t, long)
		c.account.AdoptedKey = text
		c.adopted = map[gatelodge.Name]*gatelodge.Certificate{"a.test": ca.issueElsewhere(t, "a.test"), "b.test": ca.issueElsewhere(t, "b.test")}
		id, err := renewalID(c.adopted["a.test"].KeyPair.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		c.publish()
		ctx := c.followed(t)
		c.ask("shop", "a.test")
		c.ask("shop", "b.test")
		_, stop := c.lead(ctx, 0)
		defer func() { stop() }()
		time.Sleep(time.Minute)
		for _, name := range []gatelodge.Name{"a.test", "b.test"} {
			item, err := c.Memory.Get(ctx, gatelodge.IssuanceKey{Name: name}.Item())
			if err != nil {
				t.Fatal(err)
			}
			stored, err := gatelodge.DecodeIssuance(item.Data)
			if err != nil || certificateOfPEM(t, stored.Chain, stored.Key).Fingerprint != c.adopted[name].Fingerprint {
				t.Errorf("%s: what is stored is another certificate: %v", name, err)
			}
		}
		stop()
		_, stop = c.lead(ctx, 1)
		time.Sleep(45 * day)
		if n := ca.ordered(); n != 0 {
			t.Fatalf("%d orders before the certificates are to be renewed", n)
		}
		time.Sleep(30 * day)
		ca.mu.Lock()
		defer ca.mu.Unlock()
		if len(ca.orders) != 2 {
			t.Fatalf("%d orders, want a renewal of each", len(ca.orders))
		}
		for _, o := range ca.orders {
			if o.account != account {
				t.Errorf("%s is ordered by %s, want the adopted %s", o.name, o.account, account)
			}
			if o.name == "a.test" && o.replaces != id {
				t.Errorf("the renewal replaces %q, want %q", o.replaces, id)
			}
		}
	})
}

// TestAdoptedLosesToTheStore: what was ordered here since is not overwritten by what it
// has replaced.
func TestAdoptedLosesToTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newTestCA(t, "https://ca.test")
		older := ca.issueElsewhere(t, "a.test")
		time.Sleep(day)
		c := newTestCluster(t, ca)
		term := newTerm(c.replicas[0])
		newer := &gatelodge.Issuance{Name: "a.test", Certificate: ca.issueElsewhere(t, "a.test"), Adopted: true}
		for _, i := range []*gatelodge.Issuance{newer, {Name: "a.test", Certificate: older, Adopted: true}} {
			if err := term.keep(t.Context(), i); err != nil {
				t.Fatal(err)
			}
		}
		k, err := term.load(t.Context(), gatelodge.IssuanceKey{Name: "a.test"})
		if err != nil || !k.isFresh(time.Now(), &gatelodge.Issuance{}) || certificateOfPEM(t, k.Chain, k.Key).Fingerprint != newer.Certificate.Fingerprint {
			t.Errorf("the older certificate is stored: %v", err)
		}
	})
}

// TestUnknownAccount: a key that the CA does not know, or one of an account that is no
// longer valid, keeps nothing from being ordered.
func TestUnknownAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newTestCA(t, "https://ca.test")
		c := newTestCluster(t, ca)
		key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		text, err := encodeKey(key)
		if err != nil {
			t.Fatal(err)
		}
		c.account.AdoptedKey = string(text)
		c.publish()
		ctx := c.followed(t)
		c.ask("shop", "a.test")
		_, stop := c.lead(ctx, 0)
		defer stop()
		time.Sleep(time.Hour)
		if n := ca.ordered(); n != 1 {
			t.Errorf("%d orders, want 1", n)
		}
		item, err := c.Memory.Get(ctx, c.account.Item())
		if err != nil || string(item.Data[gatelodge.AccountKeyPart]) == string(text) {
			t.Errorf("the key that the CA does not know is used: %v", err)
		}
	})
}
