package proxy

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// ejecting makes a fleet of n endpoints with the default ejection.
func ejecting(t *testing.T, n int) *fleet {
	f := newFleet(t, &gatelodge.Policy{})
	f.settings.Ejection = gatelodge.Ejection{Failures: 5, Time: 10 * time.Second, Share: 0.5}
	f.settings.Retries = gatelodge.Retries{Attempts: 1}
	f.swap(endpointsOf(n)...)
	return f
}

func resets(*exchange.Exchange) error { return fmt.Errorf("%w: reset", exchange.ErrBackend) }

// every returns an endpoint that fails one of n requests.
func every(n int, fail func(*exchange.Exchange) error) func(*exchange.Exchange) error {
	var mu sync.Mutex
	sent := 0
	return func(x *exchange.Exchange) error {
		mu.Lock()
		sent++
		fails := sent%n == 0
		mu.Unlock()
		if fails {
			return fail(x)
		}
		return x.Response.Head(200, nil, 0)
	}
}

func (f *fleet) ejected() (n int) {
	for _, e := range f.server.upstreams.byKey[appKey].endpoints {
		if time.Now().Before(e.health.ejectedUntil) {
			n++
		}
	}
	return n
}

// TestEjection: an endpoint is left alone once it has failed five times in a row,
// comes back after ten seconds on probation, and stays out for twice as long each
// time that it fails then.
func TestEjection(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := ejecting(t, 10)
		bad := fleetAddress(3)
		f.behave[bad] = resets
		for i, c := range []struct {
			tries int // until it is ejected
			span  time.Duration
		}{{5, 10 * time.Second}, {1, 20 * time.Second}, {1, 40 * time.Second}, {1, 80 * time.Second}, {1, 160 * time.Second}, {1, 320 * time.Second}, {1, 320 * time.Second}} {
			for range 1000 {
				f.send()
			}
			if got := f.tries[bad]; got != c.tries {
				t.Fatalf("before ejection %d it failed %d times, want %d", i+1, got, c.tries)
			}
			clear(f.tries)
			time.Sleep(c.span - time.Millisecond)
			f.load(1, 100)
			if f.tries[bad] != 0 {
				t.Fatalf("it was asked while it was out for %s", c.span)
			}
			f.swap(endpointsOf(10)...) // changes nothing
			time.Sleep(time.Millisecond)
		}
		if got := f.metric("gatelodge_upstream_ejections_total", "namespace", "shop", "service", "web"); got != 7 {
			t.Errorf("%v ejections are counted, want 7", got)
		}
		delete(f.behave, bad) // it is well again
		f.load(1, 1000)
		if f.tries[bad] != 100 {
			t.Errorf("of 1000 requests the endpoint got %d", f.tries[bad])
		}
		time.Sleep(time.Hour)
		f.behave[bad] = resets
		f.load(1, 1000)
		if up := f.server.upstreams.byKey[appKey].endpoints[fleetKey(3)]; time.Until(up.health.ejectedUntil) != 10*time.Second {
			t.Errorf("after an hour without failures it is out for %s", time.Until(up.health.ejectedUntil))
		}
		f.swap()
		if got := f.metric("gatelodge_upstream_ejections_total"); got != 7+1 {
			t.Errorf("%v ejections are counted, want 8", got)
		}
		f.live.Swap(plainSnapshot())
		if got := f.metric("gatelodge_upstream_ejections_total"); got != -1 {
			t.Errorf("the series of a backend that is gone says %v", got)
		}
	})
}

// TestWhatEjects: resets, timeouts and 502 to 504 do, also every second time; other
// answers and what the client does wrong don't, nor do rare failures.
func TestWhatEjects(t *testing.T) {
	status := func(n int) func(*exchange.Exchange) error {
		return func(x *exchange.Exchange) error { return x.Response.Head(n, nil, 0) }
	}
	fails := func(causes ...error) func(*exchange.Exchange) error {
		return func(*exchange.Exchange) error {
			err := fmt.Errorf("failed")
			for _, cause := range causes {
				err = fmt.Errorf("%w: %w", cause, err)
			}
			return err
		}
	}
	for _, c := range []struct {
		name   string
		behave func(*exchange.Exchange) error
		policy gatelodge.EjectionChange
		want   bool
	}{
		{"a reset", resets, gatelodge.EjectionChange{}, true},
		{"a timeout", fails(exchange.ErrTimeout, exchange.ErrBackend), gatelodge.EjectionChange{}, true},
		{"a refused connection", fails(exchange.ErrUnsent, exchange.ErrBackend), gatelodge.EjectionChange{}, true},
		{"502", status(502), gatelodge.EjectionChange{}, true},
		{"503", status(503), gatelodge.EjectionChange{}, true},
		{"504", status(504), gatelodge.EjectionChange{}, true},
		{"half of them", every(2, resets), gatelodge.EjectionChange{}, true},
		{"one of four", every(4, resets), gatelodge.EjectionChange{}, false},
		{"500", status(500), gatelodge.EjectionChange{}, false},
		{"404", status(404), gatelodge.EjectionChange{}, false},
		{"the client", fails(exchange.ErrClient), gatelodge.EjectionChange{}, false},
		{"not processed", fails(exchange.ErrUnprocessed, exchange.ErrUnsent, exchange.ErrBackend), gatelodge.EjectionChange{}, false},
		{"503, which another endpoint makes good", status(503), gatelodge.EjectionChange{}, true},
		{"a reset, ejection is off", resets, gatelodge.EjectionChange{Failures: new(int)}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				f := ejecting(t, 10)
				f.policy = &gatelodge.Policy{Ejection: &c.policy}
				if strings.Contains(c.name, "another") {
					f.settings.Retries.Budget = 1
					f.policy.Retries = &gatelodge.RetryRules{On: gatelodge.Retry503, Tries: 2}
				}
				f.swap(endpointsOf(10)...)
				f.behave[fleetAddress(3)] = c.behave
				for range 50 { // a refusal alone keeps it out for a second
					f.load(1, 20)
					time.Sleep(avoidRefused / 10)
				}
				if got := f.metric("gatelodge_upstream_ejections_total") > 0; got != c.want {
					t.Errorf("ejected: %v, want %v", got, c.want)
				}
			})
		})
	}
}

// TestUnavailableCallsEject: a gRPC call that ends with UNAVAILABLE, in its trailers
// or with the head alone, is a failed try of its endpoint; one that ends with
// another status is not, nor is such a field of an answer over HTTP/1.1.
func TestUnavailableCallsEject(t *testing.T) {
	ends := func(status string, alone bool) func(*exchange.Exchange) error {
		fields := exchange.Fields{{Name: "grpc-status", Value: status}}
		return func(x *exchange.Exchange) error {
			if alone {
				return x.Response.Head(200, fields, 0)
			}
			if err := x.Response.Head(200, nil, -1); err != nil {
				return err
			}
			return x.Response.Trailers(fields)
		}
	}
	for _, c := range []struct {
		name     string
		protocol gatelodge.BackendProtocol
		status   string
		alone    bool
		want     int
	}{
		{"in trailers", gatelodge.BackendH2C, "14", false, 1},
		{"in trailers over TLS", gatelodge.BackendH2, "14", false, 1},
		{"with the head", gatelodge.BackendH2C, "14", true, 1},
		{"UNKNOWN", gatelodge.BackendH2C, "2", false, 0},
		{"DEADLINE_EXCEEDED", gatelodge.BackendH2C, "4", false, 0},
		{"OK", gatelodge.BackendH2C, "0", false, 0},
		{"HTTP/1.1", gatelodge.BackendHTTP, "14", false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				f := ejecting(t, 10)
				f.protocol = c.protocol
				f.swap(endpointsOf(10)...)
				f.behave[fleetAddress(3)] = ends(c.status, c.alone)
				f.load(1, 200)
				if got := f.ejected(); got != c.want {
					t.Errorf("%d are out, want %d", got, c.want)
				}
			})
		})
	}
}

// TestMostEjected: where all fail, half of them are out at most, and never all.
func TestMostEjected(t *testing.T) {
	for _, c := range []struct {
		endpoints int
		share     float64
		want      int
	}{{10, 0.5, 5}, {10, 0.3, 3}, {10, 1, 9}, {10, 0, 1}, {3, 0.5, 1}, {2, 0.5, 1}, {2, 1, 1}, {1, 1, 0}} {
		t.Run(fmt.Sprintf("%d, %v", c.endpoints, c.share), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				f := ejecting(t, c.endpoints)
				f.settings.Ejection.Share = c.share
				for _, e := range endpointsOf(c.endpoints) {
					f.behave[e.Address] = resets
				}
				f.load(4, 400)
				if got := f.ejected(); got != c.want {
					t.Errorf("%d are out, want %d", got, c.want)
				}
				if status := f.send().status; status != 502 {
					t.Errorf("got %d", status)
				}
			})
		})
	}
}

// TestOneBadEndpointAmongTen costs clients its first failures, and then one or two
// at a time, ever more rarely, also where nothing may be sent twice.
func TestOneBadEndpointAmongTen(t *testing.T) {
	for name, bad := range map[string]func(*exchange.Exchange) error{"always": resets, "every second time": every(2, resets)} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				f := ejecting(t, 10)
				f.behave[fleetAddress(7)] = bad
				var failed, early int
				for second := range 600 {
					for range 100 {
						if f.send(func(x *exchange.Exchange) { x.Method = "POST" }).status != 200 {
							failed++
						}
					}
					if second == 0 {
						early = failed
					}
					time.Sleep(time.Second)
				}
				if early < 3 || early > 10 || failed-early > 14 { // six or seven ejections, of two failures at most
					t.Errorf("%d requests failed in the first second, and %d of 59900 afterwards", early, failed-early)
				}
			})
		})
	}
}

// TestEjectionOfASession: a session waits elsewhere while its endpoint is out.
func TestEjectionOfASession(t *testing.T) {
	modes(t, func(t *testing.T, a gatelodge.Affinity) {
		inBubble(t, func(t *testing.T) {
			f := ejecting(t, 10)
			f.policy = &gatelodge.Policy{Affinity: &a}
			f.swap(endpointsOf(10)...)
			place, cookie, _ := f.visit("")
			f.behave[fleetAddress(place)] = resets
			for range 5 {
				f.visit(cookie)
			}
			delete(f.behave, fleetAddress(place))
			if at, now, _ := f.visit(cookie); at == place || at < 0 || now != cookie {
				t.Errorf("it went to %d with %s", at, now)
			}
			time.Sleep(10 * time.Second)
			if at, _, _ := f.visit(cookie); at != place {
				t.Errorf("it did not go back")
			}
		})
	})
}
