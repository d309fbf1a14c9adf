package api_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatelodge.dev/e2e/apiserver"
	"gatelodge.dev/e2e/pebble"
)

// orderSteps are the requests of the first order of an account.
var orderSteps = []string{pebble.NewAccount, pebble.NewOrder, pebble.Authz, pebble.Accept, pebble.Finalize, pebble.Certificate}

// TestLeadersAreKilled: whatever the leader does when it is killed, the next one goes on
// with it.
func TestLeadersAreKilled(t *testing.T) {
	cluster := startCluster(t)
	ca := pebble.Start(t, pebble.Options{})
	run := func(name string, test func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
	run("window", func(t *testing.T) { windowMoves(t, cluster, ca) })
	// Before the CA gets the request.
	run("before", func(t *testing.T) { killAtSteps(t, cluster, ca, "before", 1) })
	// After the CA has answered. A leader that is killed before it has read where its order
	// is takes that with it: CAs such as Let's Encrypt list no orders (RFC 8555 §7.1.2.1).
	run("after", func(t *testing.T) { killAtSteps(t, cluster, ca, "after", 2) })
}

// killAtSteps kills the leader of an instance at every step of its first order. The CA
// is to see one account and so many orders.
func killAtSteps(t *testing.T, cluster *apiserver.Cluster, ca *pebble.CA, instance string, orders int) {
	proxy := ca.Proxy(t)
	p := startPair(t, cluster, ca, proxy, instance)
	reached := stopAtSteps(proxy, instance == "after")
	host := "www." + p.zone
	cluster.Apply(t, secured(instance, instance, host))
	for _, step := range orderSteps {
		select {
		case dead := <-reached:
			leader := p.leader(t)
			p.kill(leader)
			close(dead)
			p.run(leader)
		case <-time.After(4 * time.Minute):
			t.Fatal("the order does not reach the step " + step)
		}
	}
	for _, g := range p.replicas {
		g.Await("the certificate", func() error { return accepts(g, host) })
	}
	good, failed := proxy.Orders()
	if good != orders {
		t.Errorf("the CA saw %d orders, want %d", good, orders)
	}
	if accounts := proxy.Count(pebble.NewAccount); accounts != 1 {
		t.Errorf("the CA made %d accounts", accounts)
	}
	resumed := strings.Count(p.replicas[0].Stderr.String()+p.replicas[1].Stderr.String(), "resuming an order")
	if stored := len(orderSteps) - slices.Index(orderSteps, pebble.Authz); resumed+failed < stored {
		t.Errorf("the order was resumed %d times, want %d: at each step after it was stored", resumed, stored)
	}
}

// stopAtSteps stops the first request of each step, and sends a channel: once that is
// closed, the connection breaks.
func stopAtSteps(proxy *pebble.Proxy, after bool) (reached <-chan chan struct{}) {
	stopped := make(chan chan struct{}, 1)
	var mu sync.Mutex
	next := 0
	isNext := func(step pebble.Step) bool {
		mu.Lock()
		defer mu.Unlock()
		if next == len(orderSteps) || step.Kind != orderSteps[next] || step.After != after || step.Status >= 300 {
			return false
		}
		next++
		return true
	}
	proxy.SetFault(func(step pebble.Step) error {
		if !isNext(step) {
			return nil
		}
		dead := make(chan struct{})
		stopped <- dead
		<-dead
		return pebble.Broken
	})
	return stopped
}
