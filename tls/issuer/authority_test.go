package issuer

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatelodge.dev"
)

// twoCAs runs an Issuer with two CAs during a test in made-up time.
func twoCAs(t *testing.T, during func(c *testCluster, first, second *testCA)) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newTestCA(t, "https://first.test"), newTestCA(t, "https://second.test")
		c := newTestCluster(t, first, second)
		c.fallbacks = []gatelodge.Account{{Directory: second.base + "/directory"}}
		c.publish()
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { c.follow(ctx) })
		_, stop := c.lead(ctx, 0)
		during(c, first, second)
		stop()
		cancel()
		running.Wait()
	})
}

func (ca *testCA) fails(fault func(step string, after bool) error) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	ca.fault = fault
}

func (ca *testCA) ordered() int {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	return len(ca.orders)
}

func unreachable(string, bool) error { return errUnreachable }

// TestFirstCAIsDown: names without a certificate get one from the second CA after a
// while, names that have one wait until it ends soon, and when the first is back
// nothing is ordered twice.
func TestFirstCAIsDown(t *testing.T) {
	twoCAs(t, func(c *testCluster, first, second *testCA) {
		c.ask("shop", "old.test")
		time.Sleep(time.Minute)
		if first.ordered() != 1 || second.ordered() != 0 {
			t.Fatalf("while both work %d orders are placed with the first CA and %d with the second", first.ordered(), second.ordered())
		}
		first.fails(unreachable)
		time.Sleep(50 * day)
		c.ask("shop", "new.test")
		time.Sleep(newPatience - time.Minute)
		if n := second.ordered(); n != 0 {
			t.Errorf("%d orders are placed with the second CA before the first has failed for long", n)
		}
		time.Sleep(time.Hour)
		if n := second.ordered(); n != 1 {
			t.Errorf("%d orders are placed with the second CA, want that for the new name", n)
		}
		time.Sleep(20 * day) // old.test is due for renewal, and has 20 days left
		if n := second.ordered(); n != 1 {
			t.Errorf("%d orders are placed with the second CA, while the certificate has 20 days left", n)
		}
		time.Sleep(10 * day)
		if n := second.ordered(); n != 2 {
			t.Errorf("%d orders are placed with the second CA, want that for the old name, too", n)
		}
		first.fails(nil)
		time.Sleep(10 * day)
		if a, b := first.ordered(), second.ordered(); a != 1 || b != 2 {
			t.Errorf("after the first is back, there are %d orders there and %d at the second, want 1 and 2", a, b)
		}
		time.Sleep(60 * day)
		if a, b := first.ordered(), second.ordered(); a != 3 || b != 2 {
			t.Errorf("after their renewal, there are %d orders at the first CA and %d at the second, want 3 and 2", a, b)
		}
	})
}

// TestOrderStaysWithItsCA: an order that the second CA has begun is completed there,
// also when the first is back.
func TestOrderStaysWithItsCA(t *testing.T) {
	twoCAs(t, func(c *testCluster, first, second *testCA) {
		first.fails(unreachable)
		second.fails(func(step string, _ bool) error {
			if step == "finalize" {
				return errUnreachable
			}
			return nil
		})
		c.ask("shop", "new.test")
		time.Sleep(time.Hour)
		if n := second.ordered(); n != 1 {
			t.Fatalf("%d orders are placed with the second CA, want 1", n)
		}
		second.fails(nil)
		first.fails(nil)
		time.Sleep(2 * time.Hour)
		total := first.ordered() + second.ordered()
		if err := c.handshakeWith("new.test", "", 0); err != nil || total > 2 {
			t.Errorf("%d orders are placed, %v", total, err)
		}
	})
}

// TestFailingCAIsTold: the problem names the CA that fails and since when, and goes
// when it works again.
func TestFailingCAIsTold(t *testing.T) {
	twoCAs(t, func(c *testCluster, first, second *testCA) {
		problem := func() string {
			item, err := c.Memory.Get(t.Context(), gatelodge.AuthorityItem)
			if err != nil {
				return ""
			}
			stored, err := gatelodge.DecodeIssuance(item.Data)
			if err != nil || stored.Failure == nil {
				t.Fatalf("stored is %v, %v", stored, err)
			}
			return stored.Failure.Message
		}
		first.fails(unreachable)
		c.ask("shop", "new.test")
		time.Sleep(time.Hour)
		const want = "https://first.test/directory fails since 2000-01-01T00:00:02Z: the CA can't be reached: it can't be reached; the next CA takes over for names that can't wait"
		if got := problem(); got != want {
			t.Errorf("the problem is %q, want %q", got, want)
		}
		first.fails(nil)
		c.ask("shop", "newer.test")
		time.Sleep(time.Hour)
		if got := problem(); got != "" {
			t.Errorf("the first CA works again, the problem is %q", got)
		}
	})
}

// TestPatienceOutlivesLeaders: a CA that is down while leaders come and go is given up
// after the same time, and is told once.
func TestPatienceOutlivesLeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newTestCA(t, "https://first.test"), newTestCA(t, "https://second.test")
		c := newTestCluster(t, first, second)
		c.fallbacks = []gatelodge.Account{{Directory: second.base + "/directory"}}
		first.fails(unreachable)
		c.ask("shop", "new.test")
		ctx := c.followed(t)
		told := make(map[string]bool)
		for replica := range 4 {
			_, stop := c.lead(ctx, replica%2)
			time.Sleep(newPatience / 3)
			stop()
			told[c.authorityFailure()] = true
		}
		if n := second.ordered(); n != 1 || len(told) != 1 {
			t.Errorf("%d orders are placed with the second CA, want 1, and the problems are %v, want one", n, told)
		}
		first.fails(nil)
		_, stop := c.lead(ctx, 0)
		defer func() { stop() }()
		c.ask("shop", "newer.test")
		time.Sleep(time.Minute)
		if n, problem := first.ordered(), c.authorityFailure(); n != 1 || problem != "" {
			t.Errorf("the first CA works again, has %d orders and the problem %q", n, problem)
		}
		stop()
		first.fails(unreachable)
		_, stop = c.lead(ctx, 1)
		c.ask("shop", "newest.test")
		time.Sleep(newPatience / 2)
		if n := second.ordered(); n != 1 {
			t.Errorf("the first CA fails anew, and %d orders are placed with the second before it has failed for long", n-1)
		}
	})
}
