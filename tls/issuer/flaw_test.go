package issuer

import (
	"bytes"
	"crypto/x509"
	"testing"
	"testing/synctest"
	"time"

	"gatelodge.dev"
)

// TestFlawedCertificateIsReplaced: a certificate that is found to be worthless is
// replaced at once, by one order, and by one with another key.
func TestFlawedCertificateIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const name = "www.example.test"
		ca := newTestCA(t, "https://ca.test")
		ca.renewalInfo = true
		c := newTestCluster(t, ca)
		c.ask("shop", name)
		ctx := c.followed(t)
		_, stop := c.lead(ctx, 0)
		defer stop()

		time.Sleep(time.Hour)
		first := c.certificate(name)
		if first == nil {
			t.Fatal("none was issued")
		}
		c.mu.Lock()
		c.flawed = map[string]*gatelodge.Flaw{first.Fingerprint: {Kind: gatelodge.Revoked, Text: "was revoked"}}
		c.mu.Unlock()
		c.note(gatelodge.IssuanceKey{Name: name}.Item())

		time.Sleep(time.Minute)
		second := c.certificate(name)
		if second.Fingerprint == first.Fingerprint {
			t.Fatal("it is not replaced within a minute")
		}
		if bytes.Equal(publicKey(t, first), publicKey(t, second)) {
			t.Error("the next one has the same key")
		}
		time.Sleep(10 * day)
		ca.mu.Lock()
		defer ca.mu.Unlock()
		if id, _ := renewalID(first.KeyPair.Certificate[0]); len(ca.orders) != 2 || ca.orders[1].replaces != id {
			t.Errorf("%d orders were placed, want 2, the second of which replaces %s", len(ca.orders), id)
		}
	})
}

// TestFlawedAdoptedCertificate: a certificate that another program kept, whose key is
// known to be bad, is replaced by one order, for another key.
func TestFlawedAdoptedCertificate(t *testing.T) {
	oneCA(t, func(c *testCluster, ca *testCA) {
		const name = "www.example.test"
		adopted := ca.issueElsewhere(t, name)
		c.mu.Lock()
		c.adopted = map[gatelodge.Name]*gatelodge.Certificate{name: adopted}
		c.flawed = map[string]*gatelodge.Flaw{adopted.Fingerprint: {Kind: gatelodge.FlawedKey, Text: "has a key that others have"}}
		c.mu.Unlock()
		c.ask("shop", name)
		time.Sleep(time.Hour)
		if now := c.certificate(name); now == nil || bytes.Equal(publicKey(t, now), publicKey(t, adopted)) {
			t.Errorf("it is not replaced: %v", now)
		}
		time.Sleep(10 * day)
		if n := ca.ordered(); n != 1 {
			t.Errorf("%d orders are placed", n)
		}
	})
}

func (c *testCluster) certificate(name gatelodge.Name) *gatelodge.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.issuance(gatelodge.IssuanceKey{Name: name}).Certificate
}

func publicKey(t *testing.T, c *gatelodge.Certificate) []byte {
	t.Helper()
	leaf, err := x509.ParseCertificate(c.KeyPair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf.RawSubjectPublicKeyInfo
}

// TestFlawOfOneOfTwo: of two certificates for a name, with keys of two kinds, only the
// one that is worthless is replaced.
func TestFlawOfOneOfTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const name = "www.example.test"
		ca := newTestCA(t, "https://ca.test")
		c := newTestCluster(t, ca)
		c.askFor("shop", name, gatelodge.KeyTypes{gatelodge.ECDSAP256, gatelodge.RSA2048}, "")
		ctx := c.followed(t)
		_, stop := c.lead(ctx, 0)
		defer stop()

		time.Sleep(time.Hour)
		if n := ca.ordered(); n != 2 {
			t.Fatalf("%d orders are placed for two certificates", n)
		}
		key := gatelodge.KeysOf(name)[1]
		second := func() *gatelodge.Certificate {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.issuance(key).Certificate
		}
		before := second()
		c.mu.Lock()
		c.flawed = map[string]*gatelodge.Flaw{before.Fingerprint: {Kind: gatelodge.FlawedKey, Text: "has a key that others have"}}
		c.mu.Unlock()
		c.note(key.Item())
		time.Sleep(10 * day)
		if after := second(); after.Fingerprint == before.Fingerprint || bytes.Equal(publicKey(t, before), publicKey(t, after)) {
			t.Error("it is not replaced by one with another key")
		}
		if n := ca.ordered(); n != 3 {
			t.Errorf("%d orders are placed, want 3", n)
		}
	})
}
