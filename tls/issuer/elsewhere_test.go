package issuer

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"gatelodge.dev"
)

// newElsewhere returns a CA, and a cluster in which Secrets of other issuers hold
// certificates for a.test, and for b.test one that its issuer has 78 days to renew.
func newElsewhere(t *testing.T) (ca *testCA, c *testCluster, began time.Time) {
	ca = newTestCA(t, "https://ca.test")
	ca.renewalInfo = true
	c, began = newTestCluster(t, ca), time.Now()
	c.elsewhere = map[gatelodge.Name]*gatelodge.Issuance{
		"a.test": {Certificate: ca.issueElsewhere(t, "a.test")},
		"b.test": {Certificate: ca.issueElsewhere(t, "b.test"), Late: true, Window: &gatelodge.RenewalWindow{Start: began.Add(78 * day), End: began.Add(80 * day)}},
	}
	return ca, c, began
}

// idOf returns what an order says that it replaces (RFC 9773 §5).
func idOf(t *testing.T, i *gatelodge.Issuance) string {
	t.Helper()
	id, err := renewalID(i.Certificate.KeyPair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestElsewhere: a certificate of another issuer's Secret is replaced by one order, when
// it is to be renewed or in the window that is left to that issuer, and not stored. If
// the Secret gets another one after all, that is replaced in its time, also where ours
// is still good by itself.
func TestElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, c, began := newElsewhere(t)
		usual, late := c.elsewhere["a.test"], c.elsewhere["b.test"]
		c.publish()
		ctx := c.followed(t)
		c.ask("shop", "a.test")
		c.ask("shop", "b.test")
		_, stop := c.lead(ctx, 0)
		defer func() { stop() }()

		var want []string // what each order replaces
		until := func(at time.Duration, more ...*gatelodge.Issuance) {
			t.Helper()
			time.Sleep(time.Until(began.Add(at)))
			for _, i := range more {
				want = append(want, idOf(t, i))
			}
			ca.mu.Lock()
			defer ca.mu.Unlock()
			if len(ca.orders) != len(want) {
				t.Fatalf("%d orders after %v, want %d", len(ca.orders), at, len(want))
			}
			for n, o := range ca.orders {
				if o.replaces != want[n] {
					t.Errorf("order %d, for %s, replaces %q, want %q", n, o.name, o.replaces, want[n])
				}
			}
		}
		until(55 * day)
		if _, err := c.Memory.Get(ctx, gatelodge.IssuanceKey{Name: "a.test"}.Item()); err == nil {
			t.Error("the other issuer's certificate is stored")
		}
		until(61*day, usual)
		until(78 * day)
		until(81*day, late)
		// The other issuer has its own renewed after all, for a short time.
		renewed := &gatelodge.Issuance{Certificate: ca.issueElsewhere(t, "b.test"), Late: true, Window: &gatelodge.RenewalWindow{Start: began.Add(85 * day), End: began.Add(86 * day)}}
		c.mu.Lock()
		c.elsewhere["b.test"] = renewed
		c.mu.Unlock()
		c.note(gatelodge.IssuanceKey{Name: "b.test"}.Item())
		until(85 * day)
		until(87*day, renewed)
		until(100 * day)
	})
}

// TestElsewhereWindow: the CA is asked when it wants a certificate of another issuer's
// Secret renewed, but not while that issuer is left the time to renew it. What it says is
// kept for the next leader, and forgotten with the certificate.
func TestElsewhereWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, c, began := newElsewhere(t)
		ids := make(map[gatelodge.Name]string)
		for name, i := range c.elsewhere {
			id := idOf(t, i)
			ids[name] = id
			ca.windows[id] = gatelodge.RenewalWindow{Start: began.Add(20 * day), End: began.Add(21 * day)}
		}
		c.publish()
		ctx := c.followed(t)
		c.ask("shop", "a.test")
		c.ask("shop", "b.test")
		_, stop := c.lead(ctx, 0)
		time.Sleep(time.Hour)
		stop()
		ca.mu.Lock()
		clear(ca.windows) // the next leader has it from the Store
		ca.mu.Unlock()
		_, stop = c.lead(ctx, 1)
		defer func() { stop() }()

		orders := func(at time.Duration, want ...gatelodge.Name) {
			t.Helper()
			time.Sleep(time.Until(began.Add(at)))
			ca.mu.Lock()
			defer ca.mu.Unlock()
			var got []gatelodge.Name
			for _, o := range ca.orders {
				if name := gatelodge.Name(o.name); o.replaces == ids[name] {
					got = append(got, name)
				}
			}
			if len(ca.orders) != len(want) || !slices.Equal(got, want) {
				t.Errorf("%d orders after %v, of which %v replace what they are to; want %v", len(ca.orders), at, got, want)
			}
		}
		orders(20 * day)
		orders(21*day, "a.test")
		item, err := c.Memory.Get(ctx, gatelodge.IssuanceKey{Name: "a.test"}.Item())
		if err != nil {
			t.Fatal(err)
		}
		if stored, err := gatelodge.DecodeIssuance(item.Data); err != nil || stored.Elsewhere != nil || len(stored.Chain) == 0 {
			t.Errorf("after the renewal %+v is kept, %v; want the certificate and no window of the other issuer's", stored, err)
		}
		orders(70*day, "a.test")
	})
}

// TestElsewhereByWildcard: hosts that a wildcard of another issuer's Secret covers are
// ordered before its end, but as new ones, because the CA renews nothing: within its
// limits, and so in certificates that they share.
func TestElsewhereByWildcard(t *testing.T) {
	bundling(t, 5, func(c *testCluster, ca *testCA) {
		covered := &gatelodge.Issuance{Certificate: ca.issueElsewhere(t, "*.company.test"), Late: true,
			Window: &gatelodge.RenewalWindow{Start: time.Now().Add(78 * day), End: time.Now().Add(80 * day)}}
		ca.mu.Lock()
		ca.renewalInfo = true
		ca.mu.Unlock()
		c.mu.Lock()
		c.elsewhere = make(map[gatelodge.Name]*gatelodge.Issuance)
		for n := range 120 {
			c.elsewhere[gatelodge.Name(fmt.Sprintf("n%02d.company.test", n))] = covered
		}
		c.mu.Unlock()
		names := c.askMany("shop", "company.test", len(c.elsewhere))
		time.Sleep(77 * day)
		if n := ca.ordered(); n != 0 {
			t.Fatalf("%d orders after 77 days", n)
		}
		time.Sleep(4 * day)
		for _, name := range names {
			if got := c.certificateOf(name); got == nil || got.Fingerprint == covered.Certificate.Fingerprint {
				t.Fatalf("%s has no certificate of its own after 81 days", name)
			}
		}
		ca.mu.Lock()
		defer ca.mu.Unlock()
		if n := len(ca.orders); n > 5 {
			t.Errorf("%d orders for %d names", n, len(names))
		}
		for _, o := range ca.orders {
			if o.replaces != "" {
				t.Errorf("the order for %s replaces %q", o.name, o.replaces)
			}
		}
	})
}
