package issuer

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatelodge.dev"
)

// TestFiftyLifetimes: certificates of 6 days are renewed for 50 lifetimes, and those of 45
// and 90 days for 20, by a CA that takes its time to validate, while the leader is killed at every step of
// an order in turn. Whenever a client connects, it gets a certificate that is valid until
// the next one connects, so there is no moment without one.
func TestFiftyLifetimes(t *testing.T) {
	for _, c := range []struct {
		days, lifetimes, handshakes int
		renewalInfo                 bool
	}{{6, 50, 10000, true}, {6, 50, 1000, false}, {45, 20, 1000, false}, {90, 20, 1000, false}} {
		t.Run(fmt.Sprintf("%d days, renewal info %t", c.days, c.renewalInfo), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ca := newTestCA(t, "https://ca.test")
				ca.lifetime, ca.validation = time.Duration(c.days)*day, 40*time.Second
				ca.renewalInfo, ca.midway = c.renewalInfo, true
				runLifetimes(t, ca, c.lifetimes, c.handshakes)
			})
		})
	}
}

func runLifetimes(t *testing.T, ca *testCA, lifetimes, handshakes int) {
	const name = "www.example.test"
	c := newTestCluster(t, ca)
	c.ask("shop", name)
	c.publish()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { c.follow(ctx) })
	running.Go(func() { c.replaceLeaders(ctx) })
	defer running.Wait()
	defer cancel()

	time.Sleep(10 * time.Minute) // for the first one
	kills := &dailyKills{steps: []string{"neworder", "authz", "challenge", "order", "finalize", "certificate"}}
	if ca.renewalInfo {
		kills.steps = append(kills.steps, "info")
	}
	ca.fails(func(step string, after bool) error {
		if !kills.isNext(step, after) {
			return nil
		}
		c.killLeader()
		return errUnreachable
	})
	every := ca.lifetime * time.Duration(lifetimes) / time.Duration(handshakes)
	for range handshakes {
		time.Sleep(every)
		if err := c.handshakeWith(name, ca.base, every); err != nil {
			t.Fatalf("at %v: %v", time.Now(), err)
		}
	}
	ca.fails(nil)
	if kills.count < 2*len(kills.steps) {
		t.Errorf("the leader was killed %d times, want twice at each of %d steps at least", kills.count, len(kills.steps))
	}
	// A renewal takes half of a lifetime or more, and one order, or a second one where the
	// answer to the first was lost before it could be stored.
	orders := ca.ordered()
	if most := lifetimes*2 + lifetimes/2; orders < lifetimes || orders > most {
		t.Errorf("%d orders were placed in %d lifetimes, want at most %d", orders, lifetimes, most)
	}
	t.Logf("%d orders, and the leader was killed %d times", orders, kills.count)
}

// issuingSteps are the requests of an order that needs no other before it.
var issuingSteps = []string{"neworder", "authz", "challenge", "finalize", "certificate"}

// dailyKills says when the leader is to be killed: at one step a day, before and after
// it in turn, and then at the next.
type dailyKills struct {
	steps []string

	mu    sync.Mutex
	count int
	last  time.Time
}

func (k *dailyKills) isNext(step string, after bool) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if step != k.steps[k.count/2%len(k.steps)] || after != (k.count%2 == 1) || time.Since(k.last) < day {
		return false
	}
	k.count, k.last = k.count+1, time.Now()
	return true
}

// handshake connects as a client that looks at the certificate, which is to be of the
// first CA.
func (c *testCluster) handshake(name string) error {
	return c.handshakeWith(name, strings.TrimSuffix(c.account.Directory, "/directory"), 0)
}

// handshakeWith is handshake, with the issuer that is wanted, "" for any, and for how
// long the certificate is to be valid.
func (c *testCluster) handshakeWith(name, issuer string, validFor time.Duration) error {
	there, here := net.Pipe()
	defer there.Close()
	defer here.Close()
	served := make(chan error, 1)
	go func() { served <- tls.Server(there, c.server.Config()).Handshake() }()
	client := tls.Client(here, &tls.Config{ServerName: name, InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519}})
	if err := client.Handshake(); err != nil {
		return err
	}
	here.Close()
	<-served
	leaf := client.ConnectionState().PeerCertificates[0]
	switch now := time.Now(); {
	case issuer != "" && leaf.Issuer.CommonName != issuer, !strings.HasPrefix(leaf.Issuer.CommonName, "https://"):
		return fmt.Errorf("the certificate is by %q", leaf.Issuer.CommonName)
	case now.Before(leaf.NotBefore) || now.Add(validFor).After(leaf.NotAfter):
		return fmt.Errorf("the certificate is valid from %v to %v", leaf.NotBefore, leaf.NotAfter)
	}
	return leaf.VerifyHostname(name)
}

// TestRefusedByOneLimit: what a CA refuses by a limit that was not known waits until
// the CA says, all else goes on, and the next leader knows.
func TestRefusedByOneLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newTestCA(t, "https://ca.test")
		ca.perDomain = bucketSize{1, time.Hour}
		c := newTestCluster(t, ca)
		c.account.Limits.Domain = gatelodge.Rate{Count: 50, Per: 7 * day}
		for _, name := range []gatelodge.Name{"a.example.test", "b.example.test", "c.example.test", "d.example.test"} {
			c.ask("shop", name)
		}
		c.publish()
		ctx := c.followed(t)
		_, stop := c.lead(ctx, 0)
		time.Sleep(time.Minute)
		stop()
		ca.mu.Lock()
		refused := len(ca.refused)
		ca.mu.Unlock()
		c.ask("shop", "other.test")
		c.ask("shop", "e.example.test")
		_, stop = c.lead(ctx, 1)
		defer stop()
		time.Sleep(30 * time.Minute)
		ca.mu.Lock()
		if len(ca.refused) != refused {
			t.Errorf("the next leader asked %d times for what the limit refuses", len(ca.refused)-refused)
		}
		if last := ca.orders[len(ca.orders)-1].name; last != "other.test" {
			t.Errorf("ordered last is %s, want the name of another domain", last)
		}
		ca.mu.Unlock()
		time.Sleep(12 * time.Hour)
		ca.mu.Lock()
		defer ca.mu.Unlock()
		if len(ca.orders) != 6 {
			t.Errorf("%d certificates were ordered in the end, want 6", len(ca.orders))
		}
	})
}

// TestFailuresAreCounted: a name that can't be validated is not tried more often than
// the CA allows, whichever replica leads.
func TestFailuresAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newTestCA(t, "https://ca.test")
		ca.invalid["www.example.test"] = true
		c := newTestCluster(t, ca)
		c.account.Limits.Failures = gatelodge.Rate{Count: 2, Per: 10 * time.Hour}
		c.ask("shop", "www.example.test")
		c.publish()
		ctx := c.followed(t)
		for n := range 12 {
			_, stop := c.lead(ctx, n%2)
			time.Sleep(10 * time.Minute)
			stop()
		}
		ca.mu.Lock()
		defer ca.mu.Unlock()
		if len(ca.orders) != 2 {
			t.Errorf("it was tried %d times in two hours, want 2", len(ca.orders))
		}
	})
}
