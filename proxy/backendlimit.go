package proxy

import (
	"fmt"
	"slices"
	"sync"
	"time"

	gatelodge "gatelodge.dev"
)

// gate limits the concurrent requests to a Backend, for all routes with
// BackendLimits together. Requests beyond the limit wait in the order in which they
// came.
type gate struct {
	mu      sync.Mutex
	busy    int
	waiting []*place
}

// place is a place in the queue at a gate.
type place struct {
	most int           // requests at the Backend, with this one
	come chan struct{} // closed when it may pass
}

// enter asks to pass. It returns a nil place if the request may pass at once, and
// false if the queue is full.
func (g *gate) enter(l *gatelodge.BackendLimits) (*place, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.busy < l.Requests && len(g.waiting) == 0:
		g.busy++
		return nil, true
	case len(g.waiting) >= l.Pending:
		return nil, false
	}
	p := &place{most: l.Requests, come: make(chan struct{})}
	g.waiting = append(g.waiting, p)
	return p, true
}

// leave ends a request that passed.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy--
	g.next()
}

// next lets waiting requests pass, as far as there is room now.
func (g *gate) next() {
	for len(g.waiting) > 0 && g.busy < g.waiting[0].most {
		g.busy++
		close(g.waiting[0].come)
		g.waiting = slices.Delete(g.waiting, 0, 1)
	}
}

// giveUp leaves the queue, or ends the request if it was let through meanwhile.
func (g *gate) giveUp(p *place) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.waiting, p); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
	} else {
		g.busy--
	}
	g.next() // the line may have been held up by this one
}

// limitBackend bounds the requests at a Backend. Beyond those that may wait it
// answers at once: a queue that grows delays every request and completes no more of them.
func limitBackend(p *gatelodge.Policy) step {
	l := p.BackendLimits
	if l == nil {
		return nil
	}
	full := fmt.Sprintf("max-requests: the backend has %d requests, and %d wait", l.Requests, l.Pending)
	return func(r *request) *answer {
		b := r.table.backends.Get(r.route.source.Backend)
		if b == nil {
			return nil // which has an answer of its own
		}
		g := &b.upstream.gate
		p, ok := g.enter(l)
		if !ok {
			return tooBusy(full, "max-requests")
		}
		if p != nil {
			if refused := r.await(g, p); refused != nil {
				g.giveUp(p)
				return refused
			}
		}
		r.hold().gate = g
		return nil
	}
}

func tooBusy(why, limit string) *answer {
	a := unavailable(why)
	a.limit, a.fields = limit, retryAfter(time.Second)
	return a
}

// await waits for a place at the gate, for no longer than for a connection.
func (r *request) await(g *gate, p *place) *answer {
	timeout := r.table.settings.Timeouts.Connect
	if r.x.Timeouts != nil {
		timeout = r.x.Timeouts.Connect
	}
	enough := time.NewTimer(timeout)
	defer enough.Stop()
	look := time.NewTicker(hangUpPeriod)
	defer look.Stop()
	for {
		select {
		case <-p.come:
			return nil
		case <-enough.C:
			if h := r.held; h != nil && h.expiry != nil && !time.Now().Before(h.expiry.at) {
				return gatewayTimeout("timeout: the request waited for the backend for as long as it may take")
			}
			return tooBusy(fmt.Sprintf("max-pending: the backend took no further request within %s", timeout), "max-pending")
		case <-r.x.Context.Done():
		case <-look.C:
			if !r.x.Cancellation.HungUp() {
				continue
			}
		}
		return hungUp("client: hung up while it waited for the backend")
	}
}
