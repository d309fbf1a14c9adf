package issuer

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatelodge.dev"
	"gatelodge.dev/tls/budget"
)

// plannedSets returns the names of each order that is planned.
func plannedSets(planned []Planned) map[string]bool {
	orders := make(map[gatelodge.Name][]string)
	for _, p := range planned {
		head := p.With
		if head == "" {
			head = p.Name
		}
		orders[head] = append(orders[head], string(p.Name))
	}
	sets := make(map[string]bool)
	for _, names := range orders {
		slices.Sort(names)
		sets[strings.Join(names, " ")] = true
	}
	return sets
}

// TestRushHappensAsPlanned: about 3,000 hosts ask for certificates at once, of a CA with
// the limits of Let's Encrypt. However long an order takes, and whichever hosts clients
// wait for, at the start or in between, the orders are those that check plans beforehand,
// none is for two namespaces, hosts with traffic come first, and all have a certificate
// in less than two hours.
func TestRushHappensAsPlanned(t *testing.T) {
	for _, rush := range []struct {
		name       string
		validation time.Duration // how long it takes
		orders     int
		ask        func(c *testCluster, n int, team string) // for each of 40 namespaces
	}{
		{"a domain that would take a year, and their own", 2 * time.Second, 40 * (1 + 4), func(c *testCluster, n int, team string) {
			c.askMany(team, team+".moved.test", 75)
			c.askMany(team, fmt.Sprintf("own%02d.test", n), 4)
		}},
		{"the same, slowly", 90 * time.Second, 40 * (1 + 4), func(c *testCluster, n int, team string) {
			c.askMany(team, team+".moved.test", 70)
			c.askMany(team, fmt.Sprintf("own%02d.test", n), 4)
		}},
		{"three domains", 30 * time.Second, 40 * 3, func(c *testCluster, n int, team string) {
			for _, domain := range []string{"a.test", "b.test", "c.test"} {
				c.askMany(team, team+"."+domain, 25)
			}
		}},
		{"domains that have room, but too many orders", 2 * time.Second, 40, func(c *testCluster, n int, team string) {
			c.askMany(team, fmt.Sprintf("first%02d.test", n), 40)
			c.askMany(team, fmt.Sprintf("second%02d.test", n), 30)
		}},
		{"too many orders, and a domain without room", 90 * time.Second, 40 * 2, func(c *testCluster, n int, team string) {
			c.askMany(team, fmt.Sprintf("own%02d.test", n), 40)
			c.askMany(team, team+".moved.test", 35)
		}},
		{"more than one certificate is for", 2 * time.Second, 10 * 4, func(c *testCluster, n int, team string) {
			if n < 10 {
				c.askMany(team, fmt.Sprintf("own%02d.test", n), 310)
			}
		}},
	} {
		t.Run(rush.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ca := newTestCA(t, "https://ca.test")
				ca.validation, ca.mostNames = rush.validation, 100
				ca.perAccount, ca.perDomain, ca.perName = bucketSize{300, 3 * time.Hour}, bucketSize{50, 7 * day}, bucketSize{5, 7 * day}
				c := newTestCluster(t, ca)
				c.account.Limits = budget.Known("https://acme-v02.api.letsencrypt.org/directory", "")
				for n := range 40 {
					rush.ask(c, n, fmt.Sprintf("team%02d", n))
				}
				c.publish()
				planned := Plan(c.issuing(), time.Now())
				if got := plannedSets(planned); len(planned) != len(c.askers) || len(got) != rush.orders {
					t.Errorf("%d orders for %d hosts are planned, want %d for %d", len(got), len(planned), rush.orders, len(c.askers))
				}
				c.rush(t, ca, planned)
			})
		})
	}
}

// rush has a leader order what is planned, and clients ask for hosts meanwhile.
func (c *testCluster) rush(t *testing.T, ca *testCA, planned []Planned) {
	visit := func(name gatelodge.Name) { c.server.Certificate(&tls.ClientHelloInfo{ServerName: string(name)}) }
	heads := slices.DeleteFunc(slices.Clone(planned), func(p Planned) bool { return p.With != "" })
	var awaited []gatelodge.Name
	for n := len(heads) - 1; n >= 0; n -= 10 {
		awaited = append(awaited, heads[n].Name)
		visit(heads[n].Name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { c.follow(ctx) })
	issuer, stop := c.lead(ctx, 0)
	defer running.Wait()
	defer cancel()
	defer stop()
	synctest.Wait()
	want := plannedSets(planned)
	if known, _ := issuer.Plan(time.Now()); !maps.Equal(plannedSets(known), want) {
		t.Errorf("the leader plans other orders than check")
	}
	time.Sleep(settleTime + 4*ca.validation)
	for n := 0; n < len(planned); n += 3 {
		if n%30 == 0 {
			time.Sleep(ca.validation / 4)
		}
		visit(planned[len(planned)-1-n].Name)
	}
	time.Sleep(2 * time.Hour)
	synctest.Wait()

	if len(ca.refused) > 0 {
		t.Errorf("limits refused %d orders: %s", len(ca.refused), ca.refused[0])
	}
	placed, sets := ca.orderedSets(), make(map[string]bool)
	for _, names := range placed {
		sets[strings.Join(names, " ")] = true
		for _, name := range names {
			if of, other := c.askers[gatelodge.Name(name)], c.askers[gatelodge.Name(names[0])]; of != other {
				t.Fatalf("%s of %s and %s of %s are ordered together", name, of, names[0], other)
			}
		}
	}
	if !maps.Equal(sets, want) || len(placed) != len(want) {
		t.Errorf("%d orders were placed, %d were planned, and not the same", len(placed), len(want))
	}
	first := slices.Concat(placed[:len(awaited)+maxOrders]...)
	for _, name := range awaited {
		if !slices.Contains(first, string(name)) {
			t.Errorf("clients waited for %s, but it is not in the first %d orders", name, len(awaited)+maxOrders)
		}
	}
	for name := range c.askers {
		if c.certificateOf(name) == nil {
			t.Fatalf("%s has no certificate", name)
		}
	}
}
