package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/proxytest"
)

// TestRetryRules: for what a request goes to another endpoint, with what method.
// The first endpoint behaves as the name says, the second one is well.
func TestRetryRules(t *testing.T) {
	status := func(code int) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	hangs := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or it would not learn that its client has gone
		<-r.Context().Done()
	}
	breaks := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	const defaults = ""
	for _, c := range []struct {
		name    string
		bad     http.HandlerFunc
		on      string // as proxy-next-upstream says it
		method  string
		want    int
		retried string // in the access log; "": it was not
	}{
		{"503", status(503), defaults, "GET", 503, ""},
		{"503", status(503), "http_503", "GET", 200, "http_503"},
		{"503", status(503), "http_502 error", "GET", 503, ""},
		{"503", status(503), "http_503", "POST", 503, ""}, // it may have been processed
		{"503", status(503), "http_503 non_idempotent", "POST", 200, "http_503"},
		{"404", status(404), "http_404", "GET", 200, "http_404"},
		{"403", status(403), "http_403", "PUT", 200, "http_403"},
		{"429", status(429), "http_429", "GET", 200, "http_429"},
		{"500", status(500), "http_500", "GET", 200, "http_500"},
		{"502", status(502), "http_502", "GET", 200, "http_502"},
		{"504", status(504), "http_504", "GET", 200, "http_504"},
		{"hangs", hangs, defaults, "GET", 504, ""},
		{"hangs", hangs, "timeout", "GET", 200, "timeout"},
		{"hangs", hangs, "timeout", "POST", 504, ""},
		{"hangs", hangs, "timeout non_idempotent", "POST", 200, "timeout"},
		{"breaks", breaks, defaults, "GET", 200, "error"},
		{"breaks", breaks, "off", "GET", 502, ""},
		{"breaks", breaks, "http_503", "GET", 502, ""},
		{"breaks", breaks, "error", "POST", 502, ""},
		{"breaks", breaks, "error non_idempotent", "POST", 200, "error"},
		{"refuses", nil, defaults, "POST", 200, "error"},
		{"refuses", nil, "error", "POST", 200, "error"},
		{"refuses", nil, "off", "GET", 502, ""},
		{"refuses", nil, "timeout", "GET", 502, ""},
	} {
		t.Run(c.name+" "+c.on+" "+c.method, func(t *testing.T) {
			p := new(gatelodge.Policy)
			if c.on != defaults {
				on, err := gatelodge.ParseRetryConditions(c.on)
				if err != nil || on.String() != c.on && c.on != "http_502 error" {
					t.Fatal(on, err)
				}
				p.Retries = &gatelodge.RetryRules{On: on}
			}
			ask := func(t *testing.T, m mode, protocol gatelodge.BackendProtocol, p *gatelodge.Policy) (inTime bool) {
				bad := proxytest.DeadAddress(t)
				if c.bad != nil {
					bad = backendServer(t, protocol, c.bad)
				}
				well := backendServer(t, protocol, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
				g := start(t, app(protocol, bad, well), policy(p))
				g.nextIs(bad)
				r := newRequest(t, c.method, m.url(appHost, "/"), nil)
				if c.method != "GET" {
					r = newRequest(t, c.method, m.url(appHost, "/"), strings.NewReader("body"))
				}
				answer := do(t, g.client(m), r)
				if line := g.lines(1)[0]; c.want == 200 && answer.StatusCode == 504 && line["endpoint"] == well.String() {
					return false // the one that is well was too slow
				}
				if answer.StatusCode != c.want || c.want == 200 && c.method != "GET" && answer.body != "body" {
					t.Errorf("got %d %q, want %d", answer.StatusCode, answer.body, c.want)
				}
				line := g.lines(1)[0]
				if retried, _ := line["retried"].(string); retried != c.retried {
					t.Errorf("logged %v, want retried %q", line, c.retried)
				}
				want := 0.0
				if c.retried != "" {
					want = 1
				}
				if got := g.metric("gatelodge_upstream_retries_total"); got != want {
					t.Errorf("%v retries are counted, want %v", got, want)
				}
				return true
			}
			everywhere(t, func(t *testing.T, m mode, protocol gatelodge.BackendProtocol) {
				if c.name != "hangs" {
					ask(t, m, protocol, p)
					return
				}
				inTime(t, func(timeout time.Duration) bool {
					hurried := *p
					hurried.Timeouts = &gatelodge.RouteTimeouts{Read: timeout}
					return ask(t, m, protocol, &hurried)
				})
			})
		})
	}
}

// nextIs makes an endpoint the next in turn.
func (g *gateway) nextIs(address netip.AddrPort) {
	b := g.server.table.Load().backends.Get(appKey)
	for b.turn(b.upstream.turn.n.Load()+1).address != address.String() {
		b.upstream.turn.n.Add(1)
	}
}

// TestInvalidHeader: an answer that can't be read is a condition of its own.
func TestInvalidHeader(t *testing.T) {
	for on, want := range map[gatelodge.RetryConditions]int{
		gatelodge.RetryInvalidAnswer: 200, gatelodge.DefaultRetries: 200, gatelodge.RetryError: 502,
	} {
		inModes(t, func(t *testing.T, m mode) {
			bad, _ := scripted(t, func(c net.Conn, _ *bufio.Reader) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nno colon\r\n\r\n") })
			g := start(t, app(gatelodge.BackendHTTP, bad, backendServer(t, gatelodge.BackendHTTP, ok)), policy(&gatelodge.Policy{Retries: &gatelodge.RetryRules{On: on}}))
			g.nextIs(bad)
			if got := g.get(m, "/").StatusCode; got != want {
				t.Errorf("%s: got %d, want %d", on, got, want)
			}
		})
	}
}

// TestHowOftenAndHowLong: the tries, the time and the budget bound how often an
// answer is refused, and the last one is passed on.
func TestHowOftenAndHowLong(t *testing.T) {
	var asked atomic.Int32
	answer := func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(503)
	}
	var addresses []netip.AddrPort
	for range 5 {
		addresses = append(addresses, backendServer(t, gatelodge.BackendHTTP, answer))
	}
	for name, c := range map[string]struct {
		rules gatelodge.RetryRules
		spent bool
		want  int32
	}{
		"as the settings say": {gatelodge.RetryRules{On: gatelodge.Retry503}, false, 3},
		"twice":               {gatelodge.RetryRules{On: gatelodge.Retry503, Tries: 2}, false, 2},
		"every endpoint":      {gatelodge.RetryRules{On: gatelodge.Retry503, Tries: gatelodge.MostTries}, false, 5},
		"no time":             {gatelodge.RetryRules{On: gatelodge.Retry503, Within: time.Nanosecond}, false, 1},
		"no budget":           {gatelodge.RetryRules{On: gatelodge.Retry503}, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inModes(t, func(t *testing.T, m mode) {
				g := start(t, app(gatelodge.BackendHTTP, addresses...), policy(&gatelodge.Policy{Retries: &c.rules}))
				for c.spent && g.server.upstreams.byKey[appKey].budget.spend() {
				}
				if c.spent {
					g.server.upstreams.byKey[appKey].budget.spent.Add(1000) // what the request earns
				}
				asked.Store(0)
				if got := g.get(m, "/").StatusCode; got != 503 || asked.Load() != c.want {
					t.Errorf("got %d after %d tries, want 503 after %d", got, asked.Load(), c.want)
				}
			})
		})
	}
}

// TestBodyThatIsNotKept: an answer is passed on where the body could not be sent
// again.
func TestBodyThatIsNotKept(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		var asked atomic.Int32
		refuse := func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			asked.Add(1)
			w.WriteHeader(503)
		}
		g := start(t, app(p, backendServer(t, p, refuse), backendServer(t, p, refuse)), policy(&gatelodge.Policy{Retries: &gatelodge.RetryRules{On: gatelodge.Retry503}}))
		for length, want := range map[int]int32{mostKept: 2, mostKept + 1: 1} {
			asked.Store(0)
			r := newRequest(t, "PUT", m.url(appHost, "/"), strings.NewReader(strings.Repeat("x", length)))
			if got := do(t, g.client(m), r).StatusCode; got != 503 || asked.Load() != want {
				t.Errorf("%d bytes: got %d after %d tries, want %d", length, got, asked.Load(), want)
			}
		}
	})
}

// TestAnswersThatAreNotPassedOnCount: an endpoint that answers 503 is ejected as
// if its answers had reached clients.
func TestAnswersThatAreNotPassedOnCount(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := ejecting(t, 4)
		f.policy = &gatelodge.Policy{Retries: &gatelodge.RetryRules{On: gatelodge.Retry503, Tries: 2}}
		f.swap(endpointsOf(4)...)
		f.behave[fleetAddress(0)] = answerAfter(0, 503)
		for range 100 {
			if got := f.send().status; got != 200 {
				t.Fatalf("got %d", got)
			}
		}
		if f.ejected() != 1 {
			t.Errorf("%d endpoints are ejected, want 1", f.ejected())
		}
	})
}
