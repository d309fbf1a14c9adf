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

// TestFiftyLifetimes: certificates of 6, 45 and 90 days are renewed for 50 lifetimes
// by a CA that takes its time to validate, while the leader is lost at every step of
// an order in turn, and no client ever sees one that is not valid.
func TestFiftyLifetimes(t *testing.T) {
	for _, c := range []struct {
		days, handshakes int
	}{{6, 10000}, {45, 1000}, {90, 1000}} {
		t.Run(fmt.Sprint(c.days, " days"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runLifetimes(t, time.Duration(c.days)*day, 50, c.handshakes) })
		})
	}
}

func runLifetimes(t *testing.T, lifetime time.Duration, lifetimes, handshakes int) {
	const name = "www.example.test"
	ca := newTestCA(t, "https://ca.test")
	ca.lifetime, ca.validation = lifetime, 40*time.Second
	c := newTestCluster(t, ca)
	c.ask("shop", name)
	c.publish()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { c.follow(ctx) })
	lost := make(chan struct{})
	running.Go(func() { c.replaceLeaders(ctx, lost) })
	defer running.Wait()
	defer cancel()

	time.Sleep(10 * time.Minute) // for the first one
	steps := newStepLosses(ca, lost)
	every := lifetime * time.Duration(lifetimes) / time.Duration(handshakes)
	for range handshakes {
		time.Sleep(every)
		if err := c.handshake(name); err != nil {
			t.Fatalf("at %v: %v", time.Now(), err)
		}
	}
	ca.mu.Lock()
	orders := len(ca.orders)
	ca.mu.Unlock()
	if lost := steps.lost(); lost < 2*len(issuingSteps) {
		t.Errorf("the leader was lost %d times, want once at each of %d steps at least", lost, 2*len(issuingSteps))
	}
	// A renewal takes two thirds of a lifetime, and one order, or a second one where the
	// answer to the first was lost before it could be stored.
	if most := lifetimes*2 + lifetimes/2; orders < lifetimes || orders > most {
		t.Errorf("%d orders were placed in %d lifetimes, want at most %d", orders, lifetimes, most)
	}
}

// issuingSteps are the requests of an order that needs no other before it.
var issuingSteps = []string{"neworder", "authz", "challenge", "finalize", "certificate"}

// stepLosses has the leader lost at one step of an order a day, each time at the next.
type stepLosses struct {
	mu   sync.Mutex
	next int
	last time.Time
}

func newStepLosses(ca *testCA, lost chan<- struct{}) *stepLosses {
	s := &stepLosses{}
	ca.mu.Lock()
	defer ca.mu.Unlock()
	ca.fault = func(step string, after bool) error {
		if !s.isNext(step, after) {
			return nil
		}
		lost <- struct{}{}
		return errUnreachable
	}
	return s
}

func (s *stepLosses) isNext(step string, after bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if step != issuingSteps[s.next/2%len(issuingSteps)] || after != (s.next%2 == 1) || time.Since(s.last) < day {
		return false
	}
	s.next, s.last = s.next+1, time.Now()
	return true
}

func (s *stepLosses) lost() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

// replaceLeaders has the other replica lead whenever the leader is lost.
func (c *testCluster) replaceLeaders(ctx context.Context, lost <-chan struct{}) {
	for replica := 0; ctx.Err() == nil; replica = 1 - replica {
		_, stop := c.lead(ctx, replica)
		select {
		case <-lost:
		case <-ctx.Done():
		}
		stop()
	}
}

// handshake connects as a client that looks at the certificate.
func (c *testCluster) handshake(name string) error {
	return c.handshakeWith(name, strings.TrimSuffix(c.account.Directory, "/directory"))
}

// handshakeWith is handshake, with the issuer that is wanted; "": any.
func (c *testCluster) handshakeWith(name, issuer string) error {
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
	case now.Before(leaf.NotBefore) || now.After(leaf.NotAfter):
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
