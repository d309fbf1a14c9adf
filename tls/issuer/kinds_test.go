package issuer

import (
	"crypto/x509"
	"testing"
	"time"

	"gatelodge.dev"
)

// algorithms returns those of the keys of the certificates for a name.
func (c *testCluster) algorithms(name gatelodge.Name) (found [2]x509.PublicKeyAlgorithm) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at, key := range gatelodge.KeysOf(name) {
		if i := c.issuance(key); i.Certificate != nil {
			leaf, err := x509.ParseCertificate(i.Certificate.KeyPair.Certificate[0])
			if err != nil {
				c.t.Fatal(err)
			}
			found[at] = leaf.PublicKeyAlgorithm
		}
	}
	return found
}

// TestTwoKindsOfKeys: a name gets a certificate with each kind of key that is asked
// for, by the profile that is asked for; a second kind that is asked for later costs
// one order, and the first stays.
func TestTwoKindsOfKeys(t *testing.T) {
	twoCAs(t, func(c *testCluster, ca, _ *testCA) {
		c.askFor("shop", "one.test", gatelodge.KeyTypes{gatelodge.ECDSAP256}, "")
		time.Sleep(time.Minute)
		if n := ca.ordered(); n != 1 {
			t.Fatalf("%d orders for one kind of key", n)
		}
		both := gatelodge.KeyTypes{gatelodge.ECDSAP256, gatelodge.RSA2048}
		c.askFor("shop", "one.test", both, "short")
		c.askFor("shop", "two.test", both, "classic")
		time.Sleep(time.Minute)
		want := [2]x509.PublicKeyAlgorithm{x509.ECDSA, x509.RSA}
		for _, name := range []gatelodge.Name{"one.test", "two.test"} {
			if got := c.algorithms(name); got != want {
				t.Errorf("%s has certificates with keys of %v, want %v", name, got, want)
			}
		}
		ca.mu.Lock()
		defer ca.mu.Unlock()
		profiles := make(map[string]int)
		for _, o := range ca.orders {
			profiles[o.name+" "+o.profile]++
		}
		if profiles["one.test "] != 1 || profiles["one.test short"] != 1 || profiles["two.test classic"] != 2 || len(ca.orders) != 4 {
			t.Errorf("ordered were %v", profiles)
		}
	})
}

// TestProfileThatTheCALacks: it costs no order, is told with the names that there
// are, holds up no other name, and does not count as a failure of the CA.
func TestProfileThatTheCALacks(t *testing.T) {
	twoCAs(t, func(c *testCluster, first, second *testCA) {
		c.askFor("shop", "mistaken.test", gatelodge.KeyTypes{gatelodge.ECDSAP256}, "sort")
		c.ask("shop", "other.test")
		time.Sleep(30 * time.Minute)
		if a, b := first.ordered(), second.ordered(); a != 1 || b != 0 {
			t.Errorf("%d and %d orders were placed, want 1 and none", a, b)
		}
		item, err := c.Memory.Get(t.Context(), gatelodge.IssuanceKey{Name: "mistaken.test"}.Item())
		if err != nil {
			t.Fatal(err)
		}
		stored, err := gatelodge.DecodeIssuance(item.Data)
		const want = `the CA has no profile "sort", write one of classic, short`
		if err != nil || stored.Failure == nil || stored.Failure.Message != want || stored.Failure.Profile != "sort" {
			t.Fatalf("stored is %+v, %v, want %q", stored.Failure, err, want)
		}
		c.askFor("shop", "mistaken.test", gatelodge.KeyTypes{gatelodge.ECDSAP256}, "short")
		time.Sleep(time.Minute)
		if n := first.ordered(); n != 2 {
			t.Errorf("%d orders were placed a minute after the profile was corrected, want 2", n)
		}
	})
}
