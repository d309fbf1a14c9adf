package api_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"gatelodge.dev/e2e/apiserver"
	"gatelodge.dev/e2e/pebble"
	"gatelodge.dev/e2e/undertest"
)

// polling is how often the CA wants to be asked when to renew (RFC 9773 §4.3): it is the
// least that the gateway heeds.
const polling = time.Minute

// windowMoves has the CA move the renewal window of a certificate into the past. Whichever
// replica leads replaces it, within the polling time and once: one that has led before the
// CA did so, and one that leads only afterwards. Clients of the replicas that are in
// service notice nothing.
func windowMoves(t *testing.T, cluster *apiserver.Cluster, ca *pebble.CA) {
	proxy := ca.Proxy(t)
	proxy.SetPolling(polling)
	var mu sync.Mutex
	var replaced []string // by the orders
	proxy.SetFault(func(step pebble.Step) error {
		if step.Kind == pebble.NewOrder && !step.After {
			mu.Lock()
			replaced = append(replaced, step.Replaces)
			mu.Unlock()
		}
		return nil
	})
	p := startPair(t, cluster, ca, proxy, "window")
	const host = "www.window.test"
	cluster.Apply(t, secured("window", "window", host))
	first := awaitAnother(t, polling, host, nil, p.replicas[:]...)
	visitor := visit(t, host, p.replicas[:]...)
	awaitPolls := func(n int) {
		undertest.Await(t, "the leader to ask when to renew", func() error {
			if got := proxy.Count(pebble.RenewalInfo); got < n {
				return fmt.Errorf("it has asked %d times, not %d", got, n)
			}
			return nil
		})
	}
	awaitPolls(1)

	// The successor has asked before the window moves, so it has to ask again.
	leader, polls := p.leader(t), proxy.Count(pebble.RenewalInfo)
	visitor.leave(leader)
	p.kill(leader)
	awaitPolls(polls + 1)
	p.run(leader)
	leader.AwaitReady()
	visitor.enter(leader)
	polls = proxy.Count(pebble.RenewalInfo)
	moveWindow(t, ca, first)
	second := awaitAnother(t, 2*polling, host, first, p.replicas[:]...)

	// This leader is killed between the move and its next question.
	awaitPolls(polls + 2) // about the first certificate and the second
	leader = p.leader(t)
	visitor.leave(leader)
	moveWindow(t, ca, second)
	third := awaitAnother(t, polling, host, second, p.kill(leader))
	p.run(leader)
	leader.AwaitReady()
	if leaf, err := leader.Accepted(host); err != nil || !leaf.Equal(third) {
		t.Errorf("the replica that was killed shows %v, %v, want the certificate of the other", leaf, err)
	}
	t.Logf("%d handshakes, none failed", visitor.stop())
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"", renewalID(first), renewalID(second)}; !slices.Equal(slices.Compact(replaced), want) {
		t.Errorf("the orders replace %q, want %q", replaced, want)
	}
}

func moveWindow(t *testing.T, ca *pebble.CA, leaf *x509.Certificate) {
	t.Helper()
	now := time.Now()
	ca.SetRenewalWindow(t, leaf, now.Add(-time.Hour), now.Add(-time.Minute), "https://ca.example/why")
}

// renewalID identifies a certificate as RFC 9773 §4.1 says.
func renewalID(leaf *x509.Certificate) string {
	serial := leaf.SerialNumber.Bytes()
	if serial[0] >= 0x80 {
		serial = append([]byte{0}, serial...)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode(leaf.AuthorityKeyId) + "." + encode(serial)
}

// awaitAnother waits until clients accept the same certificate for a host at all
// replicas, which is another than one, and returns it.
func awaitAnother(t *testing.T, within time.Duration, host string, than *x509.Certificate, replicas ...*undertest.Gateway) (found *x509.Certificate) {
	t.Helper()
	undertest.AwaitWithin(t, within, "a certificate", func() error {
		found = nil
		for _, g := range replicas {
			leaf, err := g.Accepted(host)
			switch {
			case err != nil:
				return err
			case than != nil && leaf.Equal(than):
				return fmt.Errorf("%s has the certificate of before", g.Name)
			case found != nil && !leaf.Equal(found):
				return fmt.Errorf("%s has another certificate than %s", g.Name, replicas[0].Name)
			}
			found = leaf
		}
		return nil
	})
	return found
}

// visitor is a client that connects to all replicas in service, over and over. One that
// does not get a certificate that it accepts fails the test.
type visitor struct {
	stop func() (handshakes int)

	mu      sync.Mutex // held during handshakes
	serving []*undertest.Gateway
}

func visit(t *testing.T, host string, replicas ...*undertest.Gateway) *visitor {
	t.Helper()
	v := &visitor{serving: slices.Clone(replicas)}
	ctx, cancel := context.WithCancel(t.Context())
	handshakes, done := 0, make(chan struct{})
	round := func() error {
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, g := range v.serving {
			if _, err := g.Accepted(host); err != nil {
				return err
			}
			handshakes++
		}
		return nil
	}
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if err := round(); err != nil {
				t.Errorf("handshake %d: %v", handshakes+1, err)
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond): // not to starve who is tested
			}
		}
	}()
	v.stop = func() int {
		cancel()
		<-done
		return handshakes
	}
	t.Cleanup(func() { v.stop() })
	return v
}

// leave takes a replica out of service, as a load balancer does.
func (v *visitor) leave(g *undertest.Gateway) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.serving = slices.DeleteFunc(v.serving, func(other *undertest.Gateway) bool { return other == g })
}

func (v *visitor) enter(g *undertest.Gateway) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.serving = append(v.serving, g)
}
