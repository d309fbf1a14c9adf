package proxy

import (
	"fmt"
	"math"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// TestDistribution compares what each algorithm gives to ten endpoints, one of
// which is slow, one failing and one of double weight, with its definition.
func TestDistribution(t *testing.T) {
	const (
		slow    = 0 // answers in 200 ms, the others in 10 ms
		failing = 1 // answers half of its requests with 503
		heavy   = 3 // has weight 2, the others 1
		fair    = 1.0 / 11
		both    = 2 * fair * 1 / 10 // how often two certain ones are drawn together
	)
	type span struct{ low, high float64 }
	about := func(share, by float64) span { return span{share - by, share + by} }
	for _, c := range []struct {
		name                          string
		policy                        gatelodge.Policy
		slow, failing, heavy, another span
	}{
		// In turns, whatever they do.
		{"round robin", gatelodge.Policy{}, about(fair, 0.001), about(fair, 0.001), about(2*fair, 0.001), about(fair, 0.001)},
		// As many in flight at each, so that shares are as their speeds are. The
		// slow one has some more, as both drawn endpoints may have none.
		{"least request", gatelodge.Policy{LoadBalance: gatelodge.LeastRequest}, span{0, fair / 5}, about(0.1, 0.01), about(0.2, 0.02), about(0.1, 0.01)},
		// The slow and the failing one cost a multiple of the others, so that they
		// get a request only where they are drawn together.
		{"EWMA", gatelodge.Policy{LoadBalance: gatelodge.PeakEWMA}, span{0, both}, span{0, both}, about(2.0/9, 0.03), about(1.0/9, 0.02)},
		// By key, whatever they do: each key has one endpoint.
		{"hash", gatelodge.Policy{HashBy: hashBy("$arg_user")}, about(fair, 0.01), about(fair, 0.01), about(2*fair, 0.015), about(fair, 0.01)},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				f := newFleet(t, &c.policy)
				endpoints := endpointsOf(10)
				endpoints[heavy].Weight = 2
				f.swap(endpoints...)
				for _, e := range endpoints {
					f.behave[e.Address] = answerAfter(10*time.Millisecond, 200)
				}
				f.behave[fleetAddress(slow)] = answerAfter(200*time.Millisecond, 200)
				n := 0
				f.behave[fleetAddress(failing)] = func(x *exchange.Exchange) error {
					f.mu.Lock()
					n++
					status := 200 + 303*(n%2)
					f.mu.Unlock()
					return answerAfter(10*time.Millisecond, status)(x)
				}
				var mu sync.Mutex
				user := 0
				f.load(40, 22000, func(x *exchange.Exchange) {
					mu.Lock()
					defer mu.Unlock()
					user++
					x.Query = "?user=" + strconv.Itoa(user)
				})
				got := f.shares()
				for i := range endpoints {
					want := c.another
					switch i {
					case slow:
						want = c.slow
					case failing:
						want = c.failing
					case heavy:
						want = c.heavy
					}
					if got[i] < want.low || got[i] > want.high {
						t.Errorf("endpoint %d has %.4f of the requests, want %.4f to %.4f", i, got[i], want.low, want.high)
					}
				}
			})
		})
	}
}

// TestSlowStart: a new endpoint gets a share that grows with its age; those that
// were there at the start, or stay through a swap, are not new.
func TestSlowStart(t *testing.T) {
	for _, algorithm := range []gatelodge.Algorithm{gatelodge.RoundRobin, gatelodge.LeastRequest, gatelodge.PeakEWMA} {
		t.Run(algorithm.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				slowStart := 100 * time.Second
				f := newFleet(t, &gatelodge.Policy{LoadBalance: algorithm, SlowStart: &slowStart})
				f.swap(endpointsOf(9)...)
				f.load(1, 9000)
				if got := f.shares(); algorithm == gatelodge.RoundRobin && got[0] != 1.0/9 {
					t.Errorf("at the start endpoints have the shares %v", got)
				}
				f.swap(endpointsOf(10)...)
				for _, c := range []struct {
					age    time.Duration
					warmth float64
				}{{0, 0.1}, {5 * time.Second, 0.1}, {50 * time.Second, 0.5}, {100 * time.Second, 1}, {time.Hour, 1}} {
					time.Sleep(c.age - time.Since(f.server.upstreams.byKey[appKey].endpoints[fleetKey(9)].since))
					f.load(1, 20000)
					got, want := f.shares(), c.warmth/(9+c.warmth)
					if math.Abs(got[9]-want) > 0.01 {
						t.Errorf("after %s the new endpoint has %.4f of the requests, want %.4f", c.age, got[9], want)
					}
					f.swap(endpointsOf(10)...)
				}
			})
		})
	}
}

func fleetKey(n int) endpointKey { return endpointKey{fleetAddress(n), gatelodge.BackendHTTP, nil} }

// TestWhatOneLeavesFallsToAll: what an endpoint that is out would get is spread
// over all others, not given to the next one.
func TestWhatOneLeavesFallsToAll(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := newFleet(t, &gatelodge.Policy{})
		f.swap(endpointsOf(10)...)
		f.server.upstreams.byKey[appKey].endpoints[fleetKey(4)].health.leave(time.Now().Add(avoidRefused))
		f.load(1, 20000)
		got := f.shares()
		for i := range 10 {
			if want := 1.0 / 9; i != 4 && math.Abs(got[i]-want) > 0.005 || i == 4 && got[i] != 0 {
				t.Errorf("endpoint %d has %.4f of the requests", i, got[i])
			}
		}
	})
}

// TestTurnsByWeight: endpoints of different weights take turns evenly.
func TestTurnsByWeight(t *testing.T) {
	for _, c := range []struct {
		weights []int
		want    string
	}{
		{[]int{1, 1, 1}, "[]"},
		{[]int{7, 7}, "[]"},
		{[]int{2, 1, 1}, "[0 1 2 0]"},
		{[]int{20, 10}, "[0 1 0]"},
		{[]int{1, 5}, "[1 1 0 1 1 1]"},
	} {
		var members []member
		for _, w := range c.weights {
			members = append(members, member{weight: w})
		}
		if got := fmt.Sprint(turnsOf(members)); got != c.want {
			t.Errorf("%v take turns like %s, want %s", c.weights, got, c.want)
		}
	}
}

// TestLoadSurvivesSwaps: what was measured of endpoints that stay is still known
// after a swap, and requests in flight are counted once.
func TestLoadSurvivesSwaps(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := newFleet(t, &gatelodge.Policy{LoadBalance: gatelodge.PeakEWMA})
		f.swap(endpointsOf(2)...)
		f.behave[fleetAddress(0)] = answerAfter(time.Second, 200)
		f.behave[fleetAddress(1)] = answerAfter(time.Second, 200)
		go f.load(4, 4)
		synctest.Wait()
		f.swap(endpointsOf(3)...)
		up := f.server.upstreams.byKey[appKey]
		if n := up.inFlight.Load(); n != 4 {
			t.Errorf("%d requests are in flight, want 4", n)
		}
		time.Sleep(2 * time.Second)
		for i := range 2 {
			e := up.endpoints[fleetKey(i)]
			if e.load.inFlight.Load() != 0 || e.load.latency.at(time.Now()) == 0 {
				t.Errorf("endpoint %d: %d in flight, latency %v", i, e.load.inFlight.Load(), e.load.latency.at(time.Now()))
			}
		}
		if up.inFlight.Load() != 0 {
			t.Errorf("%d requests are in flight after all", up.inFlight.Load())
		}
	})
}

// TestLatencyOfAnswers: an answer counts with its time, whether it is passed on or
// not, and a failure as a second at least.
func TestLatencyOfAnswers(t *testing.T) {
	for status, want := range map[int]float64{200: 0.01, 404: 0.01, 500: 0.01, 503: 1} {
		for _, on := range []gatelodge.RetryConditions{0, gatelodge.RetryStatuses} {
			inBubble(t, func(t *testing.T) {
				f := newFleet(t, &gatelodge.Policy{LoadBalance: gatelodge.PeakEWMA, Retries: &gatelodge.RetryRules{On: on, Tries: 2}})
				f.swap(endpointsOf(2)...)
				for _, e := range endpointsOf(2) {
					f.behave[e.Address] = answerAfter(10*time.Millisecond, status)
				}
				f.send()
				for address := range f.tries {
					e := f.server.upstreams.byKey[appKey].endpoints[endpointKey{address, gatelodge.BackendHTTP, nil}]
					if got := e.load.latency.at(time.Now()); math.Abs(got-want) > 0.01*want {
						t.Errorf("%d, tried again: %v: it counts as %v s, want %v", status, on != 0, got, want)
					}
				}
			})
		}
	}
}

// TestPlainMeasuresNothing: round robin has no load measured; a route with another
// algorithm has it measured for all routes of the backend.
func TestPlainMeasuresNothing(t *testing.T) {
	f := newFleet(t, &gatelodge.Policy{})
	f.swap(endpointsOf(2)...)
	f.load(1, 10)
	if measured := f.server.upstreams.byKey[appKey].measured.Load(); measured != 0 {
		t.Errorf("%b is measured", measured)
	}
}

// TestPeak: the average follows a higher latency at once and a lower one slowly,
// and falls while nothing is measured.
func TestPeak(t *testing.T) {
	start := time.Unix(1<<31, 0)
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	var p peak
	check := func(when, want float64) {
		t.Helper()
		if got := p.at(at(when)); math.Abs(got-want) > want*0.001 {
			t.Errorf("after %v s the average is %v, want %v", when, got, want)
		}
	}
	check(0, 0)
	p.add(100*time.Millisecond, at(0))
	check(0, 0.1)
	check(10, 0.1/math.E)
	p.add(200*time.Millisecond, at(10))
	check(10, 0.2)
	p.add(10*time.Millisecond, at(20))
	want := 0.2/math.E + 0.01*(1-1/math.E)
	check(20, want)
	p.add(10*time.Millisecond, at(20)) // within a millisecond
	check(20, want)
	p.add(-time.Second, at(30)) // of a clock that went back
	if got := p.at(at(30)); got <= 0 {
		t.Errorf("the average is %v", got)
	}
}
