package proxy

import (
	"net/http"
	"strings"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// TestRequestsAtABackend: one is in progress, one waits for it, and the third is
// answered at once; when the first has ended, the second gets its answer.
func TestRequestsAtABackend(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		inside, release := make(chan bool), make(chan bool)
		build := app(p, backendServer(t, p, func(http.ResponseWriter, *http.Request) {
			inside <- true
			<-release
		}))
		limits := policy(&gatelodge.Policy{BackendLimits: &gatelodge.BackendLimits{Requests: 1, Pending: 1}})
		g := start(t, build, limits)
		client := g.client(m)
		answers := make(chan int)
		ask := func() {
			response, err := client.Get(m.url(appHost, "/"))
			if err != nil {
				answers <- 0
				return
			}
			_ = response.Body.Close()
			answers <- response.StatusCode
		}
		go ask()
		<-inside
		s := plainSnapshot()
		build(s)
		limits(s)
		g.live.Swap(s) // what is in progress is known after it
		go ask()
		gate := &g.server.upstreams.byKey[appKey].gate
		eventually(t, "the second waits", func() bool {
			gate.mu.Lock()
			defer gate.mu.Unlock()
			return len(gate.waiting) == 1
		})
		answer := g.get(m, "/")
		if answer.StatusCode != 503 || answer.Header.Get("Retry-After") != "1" {
			t.Errorf("the third: got %d, Retry-After %q", answer.StatusCode, answer.Header.Get("Retry-After"))
		}
		if reason, _ := g.lines(1)[0]["reason"].(string); !strings.Contains(reason, "max-requests") {
			t.Errorf("logged %q", reason)
		}
		if got := g.metric("gatelodge_http_limited_total", "limit", "max-requests"); got != 1 {
			t.Errorf("counted %v", got)
		}
		release <- true
		<-inside
		release <- true
		for range 2 {
			if got := <-answers; got != 200 {
				t.Errorf("got %d, want 200", got)
			}
		}
		eventually(t, "the gate is free again", func() bool {
			gate.mu.Lock()
			defer gate.mu.Unlock()
			return gate.busy == 0
		})
	})
}

// TestTurnThatDoesNotCome: who waits is answered once the time for connecting is
// over, and leaves the line with its client.
func TestTurnThatDoesNotCome(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := newFleet(t, &gatelodge.Policy{BackendLimits: &gatelodge.BackendLimits{Requests: 1, Pending: 5}})
		f.swap(endpointsOf(1)...)
		gate := &f.server.upstreams.byKey[appKey].gate
		gate.busy = 1
		began := time.Now()
		if answer := f.send(); answer.status != 503 {
			t.Errorf("got %d, want 503", answer.status)
		}
		if took := time.Since(began); took != f.settings.Timeouts.Connect {
			t.Errorf("after %s, want after %s", took, f.settings.Timeouts.Connect)
		}

		cancellation := new(exchange.Cancellation)
		go func() {
			time.Sleep(time.Second)
			cancellation.ClientGone()
		}()
		began = time.Now()
		answer := f.send(func(x *exchange.Exchange) { x.Cancellation = cancellation })
		if answer.err == nil || time.Since(began) > time.Second+hangUpPeriod {
			t.Errorf("a client that left: answered %d after %s", answer.status, time.Since(began))
		}
		if len(gate.waiting) != 0 || gate.busy != 1 {
			t.Errorf("%d wait, %d are busy", len(gate.waiting), gate.busy)
		}
	})
}

// TestGateKeepsTheOrder: the first in line goes first, also when another limit
// would let the next one pass, and a request that leaves the line does not hold up the others.
func TestGateKeepsTheOrder(t *testing.T) {
	var g gate
	enter := func(most int) *place {
		p, ok := g.enter(&gatelodge.BackendLimits{Requests: most, Pending: 10})
		if !ok {
			t.Fatal("the line is full")
		}
		return p
	}
	came := func(p *place) bool {
		select {
		case <-p.come:
			return true
		default:
			return false
		}
	}
	for range 2 {
		if enter(2) != nil {
			t.Fatal("the first two have to wait")
		}
	}
	first, second, third := enter(1), enter(5), enter(5)
	g.leave()
	if came(first) || came(second) {
		t.Error("one passed while the first may not")
	}
	g.giveUp(first)
	if !came(second) || !came(third) {
		t.Error("those behind one that left still wait")
	}
	fourth, _ := g.enter(&gatelodge.BackendLimits{Requests: 3, Pending: 1})
	if _, ok := g.enter(&gatelodge.BackendLimits{Requests: 3, Pending: 1}); ok {
		t.Error("more wait than may")
	}
	g.leave()
	if !came(fourth) {
		t.Error("the fourth still waits")
	}
	g.giveUp(fourth) // its client left just as it could pass
	if g.busy != 2 {
		t.Errorf("%d are busy, want 2", g.busy)
	}
}
