package issuer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatelodge.dev"
	"gatelodge.dev/tls/budget"
)

// bundling runs an Issuer during a test in made-up time, with a CA that allows names
// of a domain so many certificates a week, and 100 names in each.
func bundling(t *testing.T, weekly int, during func(c *testCluster, ca *testCA)) {
	synctest.Test(t, func(t *testing.T) {
		ca := newTestCA(t, "https://ca.test")
		ca.validation, ca.reuses, ca.mostNames = 2*time.Second, true, 100
		ca.perDomain = bucketSize{weekly, 7 * day}
		c := newTestCluster(t, ca)
		c.account.Limits = gatelodge.CALimits{Domain: gatelodge.Rate{Count: weekly, Per: 7 * day}, Failures: gatelodge.Rate{Count: 5, Per: time.Hour}, Names: 100}
		ctx, cancel := context.WithCancel(t.Context())
		c.publish()
		var running sync.WaitGroup
		running.Go(func() { c.follow(ctx) })
		_, stop := c.lead(ctx, 0)
		synctest.Wait() // so that what is asked for together is seen together
		during(c, ca)
		stop()
		cancel()
		running.Wait()
		ca.mu.Lock()
		defer ca.mu.Unlock()
		if len(ca.refused) > 0 {
			t.Errorf("limits refused %d orders: %s", len(ca.refused), ca.refused[0])
		}
	})
}

// askMany has a namespace ask for so many names of a domain.
func (c *testCluster) askMany(namespace, domain string, count int) (names []gatelodge.Name) {
	for n := range count {
		names = append(names, gatelodge.Name(fmt.Sprintf("n%02d.%s", n, domain)))
		c.ask(namespace, names[n])
	}
	return names
}

// orderedSets returns the names of each order.
func (ca *testCA) orderedSets() (sets [][]string) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	for _, o := range ca.orders {
		sets = append(sets, o.names)
	}
	return sets
}

// certificateOf returns the certificate that is served for a name, nil for none.
func (c *testCluster) certificateOf(name gatelodge.Name) *gatelodge.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := c.list.Get(gatelodge.IssuanceKey{Name: name}); i != nil {
		return i.Certificate
	}
	return nil
}

// failureOf returns why the last attempt for a name failed, "" if it did not.
func (c *testCluster) failureOf(name gatelodge.Name) string {
	item, err := c.Get(context.Background(), gatelodge.IssuanceKey{Name: name}.Item())
	if err != nil {
		return ""
	}
	stored, err := gatelodge.DecodeIssuance(item.Data)
	if err != nil || stored.Failure == nil {
		return ""
	}
	return stored.Failure.Message
}

// TestNothingWaits: where the limits have room for all, each has its own certificate.
func TestNothingWaits(t *testing.T) {
	bundling(t, 50, func(c *testCluster, ca *testCA) {
		c.askMany("shop", "company.test", 50)
		time.Sleep(10 * time.Minute)
		if n := ca.ordered(); n != 50 {
			t.Errorf("%d orders were placed for 50 hosts", n)
		}
	})
}

// TestBadNamesOfBundle: of 50 names of a bundle two can't be validated and one is
// refused. They have their own problem and are tried again alone, and the others have
// their certificate at once.
func TestBadNamesOfBundle(t *testing.T) {
	bundling(t, 10, func(c *testCluster, ca *testCA) {
		bad := []gatelodge.Name{"n07.company.test", "n20.company.test", "n33.company.test"}
		ca.mu.Lock()
		ca.invalid[string(bad[0])], ca.invalid[string(bad[1])] = true, true
		ca.rejected[string(bad[2])] = "it is not a name for this CA"
		ca.mu.Unlock()
		names := c.askMany("shop", "company.test", 50)
		time.Sleep(30 * time.Second)
		for _, name := range names {
			isBad, certificate := slices.Contains(bad, name), c.certificateOf(name)
			if isBad != (certificate == nil) || isBad != (c.failureOf(name) != "") {
				t.Errorf("%s has certificate: %v, problem: %q", name, certificate != nil, c.failureOf(name))
			}
			if certificate != nil && len(certificate.Names) != 47 {
				t.Errorf("the certificate of %s is for %d names, want 47", name, len(certificate.Names))
			}
		}
		if why := c.failureOf(bad[2]); !strings.Contains(why, "it is not a name for this CA") {
			t.Errorf("the problem of a name that the CA refuses is %q", why)
		}
		if n := ca.ordered(); n != 2 {
			t.Errorf("%d orders were placed, want 2", n)
		}
		c.replicas[0].view(t, func(l *budget.Ledger) {
			now := time.Now()
			if room := l.Room(budget.Key{Limit: budget.Domain, Of: "company.test"}, now, now); room != 9 {
				t.Errorf("of 10 certificates for the domain there is room for %d, want 9", room)
			}
			if room := l.Room(budget.Key{Limit: budget.Failures, Of: string(bad[0])}, now, now); room != 4 {
				t.Errorf("of 5 failures of a name there is room for %d, want 4", room)
			}
			if room := l.Room(budget.Key{Limit: budget.Failures, Of: string(names[0])}, now, now); room != 5 {
				t.Errorf("of 5 failures of another name there is room for %d", room)
			}
		})
		ca.mu.Lock()
		clear(ca.invalid)
		clear(ca.rejected)
		ca.mu.Unlock()
		time.Sleep(10 * time.Minute)
		sets := ca.orderedSets()
		for _, set := range sets[2:] {
			if len(set) != 1 {
				t.Errorf("after a failure %v are ordered together", set)
			}
		}
		for _, name := range bad {
			if c.certificateOf(name) == nil {
				t.Errorf("%s has no certificate", name)
			}
		}
	})
}

// view shows what the leader counts.
func (i *Issuer) view(t *testing.T, see func(l *budget.Ledger)) {
	i.mu.Lock()
	term := i.term
	i.mu.Unlock()
	if term == nil {
		t.Fatal("the replica does not lead")
	}
	term.mu.Lock()
	defer term.mu.Unlock()
	term.authorities[0].allowance.view(see)
}

// TestMuteCA: a CA that refuses a bundle does not say because of which name. That is
// found out, and the others have certificates.
func TestMuteCA(t *testing.T) {
	bundling(t, 30, func(c *testCluster, ca *testCA) {
		ca.mu.Lock()
		ca.mute, ca.rejected["n13.company.test"] = true, "no"
		ca.mu.Unlock()
		names := c.askMany("shop", "company.test", 60)
		time.Sleep(day)
		for _, name := range names {
			if has, bad := c.certificateOf(name) != nil, name == "n13.company.test"; has == bad {
				t.Errorf("%s has a certificate: %v", name, has)
			}
		}
		if c.failureOf("n13.company.test") == "" {
			t.Error("the name that is refused has no problem")
		}
	})
}

// TestLeaderIsLostDuringBundle: the leader is lost at each step of the order of a
// bundle, and while the certificate is stored. The next one completes it.
func TestLeaderIsLostDuringBundle(t *testing.T) {
	steps := []string{"store"}
	for _, step := range issuingSteps {
		steps = append(steps, step, step+" answered")
	}
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ca := newTestCA(t, "https://ca.test")
				ca.validation = 2 * time.Second
				c := newTestCluster(t, ca)
				c.account.Limits = gatelodge.CALimits{Domain: gatelodge.Rate{Count: 5, Per: 7 * day}, Names: 100}
				names := c.askMany("shop", "company.test", 40)
				var left atomic.Int32
				left.Store(1)
				lose := func(wanted bool) bool {
					if !wanted || !left.CompareAndSwap(1, 0) {
						return false
					}
					c.killLeader()
					return true
				}
				c.beforePut = func(item string, parts map[string][]byte) {
					lose(step == "store" && item == (gatelodge.IssuanceKey{Name: "n20.company.test"}).Item() && len(parts["tls.crt"]) > 0)
				}
				wanted, answered := strings.CutSuffix(step, " answered")
				ca.fails(func(at string, after bool) error {
					if lose(at == wanted && after == answered) {
						return errUnreachable
					}
					return nil
				})
				c.publish()
				ctx, cancel := context.WithCancel(t.Context())
				var running sync.WaitGroup
				running.Go(func() { c.follow(ctx) })
				running.Go(func() { c.replaceLeaders(ctx) })
				defer running.Wait()
				defer cancel()
				time.Sleep(5 * time.Minute)
				if left.Load() != 0 {
					t.Fatal("the leader was not lost")
				}
				for _, name := range names {
					if c.certificateOf(name) == nil || c.certificateOf(name).Fingerprint != c.certificateOf(names[0]).Fingerprint {
						t.Fatalf("%s has not the certificate of the others", name)
					}
				}
				most := 1
				if step == "neworder answered" { // which could not be stored
					most = 2
				}
				if n := ca.ordered(); n != most {
					t.Errorf("%d orders were placed, want %d", n, most)
				}
			})
		})
	}
}

// TestRenewalOfBundle: what shares a certificate is renewed together, in one order that
// is no new one. A name that has left is not in it, and does not end the others'.
func TestRenewalOfBundle(t *testing.T) {
	bundling(t, 2, func(c *testCluster, ca *testCA) {
		names := c.askMany("shop", "company.test", 30)
		time.Sleep(time.Minute)
		if n := ca.ordered(); n != 1 {
			t.Fatalf("%d orders were placed", n)
		}
		shared := c.certificateOf(names[0]).Fingerprint
		time.Sleep(65 * day)
		sets := ca.orderedSets()
		if len(sets) != 2 || !slices.Equal(sets[0], sets[1]) {
			t.Fatalf("after 65 days there were orders for %v", sets)
		}
		c.leave(names[4])
		time.Sleep(time.Minute)
		for _, name := range names {
			if got := c.certificateOf(name); got == nil || got.Fingerprint == shared {
				t.Errorf("%s does not have the renewed certificate", name)
			}
		}
		time.Sleep(60 * day)
		sets = ca.orderedSets()
		if len(sets) != 3 || len(sets[2]) != 29 || slices.Contains(sets[2], string(names[4])) {
			t.Errorf("after 125 days there were orders for %v", sets)
		}
		if c.certificateOf(names[4]) != nil {
			t.Error("the certificate of the name that has left is still stored")
		}
	})
}

// TestBundleIsNotServedToAnotherNamespace: a host that moves to another namespace is
// ordered for anew, and without those of the other.
func TestBundleIsNotServedToAnotherNamespace(t *testing.T) {
	bundling(t, 5, func(c *testCluster, ca *testCA) {
		names := c.askMany("shop", "company.test", 30)
		time.Sleep(time.Minute)
		if got := c.certificateOf(names[3]); got == nil || len(got.Names) != 30 {
			t.Fatal("the hosts do not share a certificate")
		}
		c.ask("other", names[3])
		time.Sleep(time.Minute)
		if got := c.certificateOf(names[3]); got == nil || len(got.Names) != 1 {
			t.Errorf("the host that moved has %v", got)
		}
		if got := c.certificateOf(names[4]); got == nil || len(got.Names) != 30 {
			t.Errorf("a host that stayed has %v", got)
		}
		if sets := ca.orderedSets(); len(sets) != 2 {
			t.Errorf("there were orders for %v", sets)
		}
	})
}

// TestBundlesAreTurnedOff: what shares a certificate is renewed so, and nothing else is
// ordered together.
func TestBundlesAreTurnedOff(t *testing.T) {
	bundling(t, 5, func(c *testCluster, ca *testCA) {
		c.askMany("shop", "company.test", 30)
		time.Sleep(time.Minute)
		c.mu.Lock()
		c.account.Limits.Names = 1
		c.mu.Unlock()
		more := c.askMany("shop", "more.company.test", 10)
		time.Sleep(66 * day)
		sizes := make(map[int]int)
		for _, set := range ca.orderedSets() {
			sizes[len(set)]++
		}
		if len(sizes) != 2 || sizes[30] != 2 || sizes[1] < len(more) {
			t.Errorf("orders, by the number of their names: %v", sizes)
		}
	})
}
