package issuer

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"gatelodge.dev"
)

func keyPair(chain, key []byte) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(chain, key)
	return &pair, err
}

// TestThreeThousandHosts: 50 namespaces ask for 3,000 certificates at once, of a CA
// with the limits of Let's Encrypt. No limit refuses anything, hosts that clients
// wait for come first, no namespace waits for all of another, renewals wait for
// nothing, and what was planned beforehand is what happens.
func TestThreeThousandHosts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ca := newTestCA(t, "https://ca.test")
		ca.validation = 2 * time.Second
		ca.perAccount = bucketSize{300, 3 * time.Hour}
		ca.perDomain = bucketSize{50, 7 * 24 * time.Hour}
		ca.perName = bucketSize{5, 7 * 24 * time.Hour}
		c := newTestCluster(t, ca)
		c.account.Limits = gatelodge.CALimits{
			Orders:     gatelodge.Rate{Count: 300, Per: 3 * time.Hour},
			Domain:     gatelodge.Rate{Count: 50, Per: 7 * 24 * time.Hour},
			Duplicates: gatelodge.Rate{Count: 5, Per: 7 * 24 * time.Hour},
			Failures:   gatelodge.Rate{Count: 5, Per: time.Hour},
		}
		ctx, cancel := context.WithCancel(t.Context())
		var awaited []gatelodge.Name
		for team := range 50 {
			for n := range 60 {
				// Of each team 58 hosts are of two domains of its own and 2 of the company's,
				// which is 100 for 50 a week.
				name := gatelodge.Name(fmt.Sprintf("n%d.t%dd%d.test", n, team, n%2))
				if n >= 58 {
					name = gatelodge.Name(fmt.Sprintf("t%dn%d.company.test", team, n))
				}
				c.ask(fmt.Sprintf("team%02d", team), name)
				if n%20 == 7 && n < 58 {
					awaited = append(awaited, name)
				}
			}
		}
		c.publish()
		for _, name := range awaited {
			c.server.Certificate(&tls.ClientHelloInfo{ServerName: string(name)})
		}
		following := make(chan struct{})
		go func() { defer close(following); c.follow(ctx) }()
		issuer, stop := c.lead(ctx, 0)
		defer func() { stop(); cancel(); <-following }()
		synctest.Wait()
		planned, leading := issuer.Plan(time.Now())
		if !leading || len(planned) != 3000 {
			t.Fatalf("%d certificates are planned, the replica leads: %v", len(planned), leading)
		}
		plan := make(map[gatelodge.Name]Planned)
		for _, p := range planned {
			plan[p.Name] = p
		}
		offline := Plan(&gatelodge.Issuing{Account: c.account, Issuances: c.list}, time.Now())
		if a, b := planned[len(planned)-1].At, offline[len(offline)-1].At; a.Sub(b).Abs() > time.Minute {
			t.Errorf("the last is planned for %v, by check for %v", a, b)
		}

		time.Sleep(time.Until(planned[len(planned)-1].At) + time.Hour)
		synctest.Wait()
		ca.mu.Lock()
		defer ca.mu.Unlock()
		if len(ca.refused) > 0 {
			t.Errorf("limits refused %d orders: %s", len(ca.refused), ca.refused[0])
		}
		if len(ca.orders) != 3000 {
			t.Fatalf("%d orders were placed, want 3000", len(ca.orders))
		}
		var first []gatelodge.Name
		for n, o := range ca.orders {
			p := plan[gatelodge.Name(o.name)]
			if late := o.at.Sub(p.At); late.Abs() > time.Hour {
				t.Errorf("%s was ordered at %v, planned for %v", o.name, o.at, p.At)
			}
			if late := o.at.Sub(planned[n].At); late < 0 || late > 3*time.Minute {
				t.Errorf("order %d was placed at %v, planned for %v", n, o.at, planned[n].At)
			}
			if n < len(awaited)+maxOrders && slices.Contains(awaited, gatelodge.Name(o.name)) {
				first = append(first, gatelodge.Name(o.name))
			}
		}
		slices.Sort(first)
		slices.Sort(awaited)
		if !slices.Equal(first, awaited) {
			t.Errorf("not in the first %d orders is all that clients wait for", len(awaited))
		}
		given := make(map[string]int)
		for _, o := range ca.orders[:1000] {
			given[c.askers[gatelodge.Name(o.name)]]++
		}
		for team, n := range given {
			if n < 19 || n > 21 {
				t.Errorf("of the first 1000 orders %s has %d", team, n)
			}
		}
	})
}
