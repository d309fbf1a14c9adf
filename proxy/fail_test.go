package proxy

import (
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

func ok(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "ok") }

func TestNoRouteNoHost(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, func(s *gatelodge.Snapshot) {
			addHosts(s, host1(appHost, route1("/shop", appKey)))
			addBackends(s, namedBackend(t, appKey, "shop"))
		})
		if got := g.get(m, "/other").StatusCode; got != 404 {
			t.Errorf("no route: got %d", got)
		}
		r := newRequest(t, "GET", m.url("none.example.com", "/"), nil)
		if got := do(t, g.client(m), r).StatusCode; got != 404 {
			t.Errorf("no host: got %d", got)
		}
	})
}

// TestRefusedConnection: another endpoint gets the request, with any method and
// its complete body.
func TestRefusedConnection(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		alive := backendServer(t, p, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
		g := start(t, app(p, proxytest.DeadAddress(t), alive))
		client := g.client(m)
		for range 10 {
			answer := do(t, client, newRequest(t, "POST", m.url(appHost, "/"), io.MultiReader(strings.NewReader("body"))))
			if answer.StatusCode != 200 || answer.body != "body" {
				t.Fatalf("got %d %q", answer.StatusCode, answer.body)
			}
		}
		lines := g.lines(10)
		if tries := lines[0]["tries"].(float64) + lines[1]["tries"].(float64); tries < 3 {
			t.Errorf("the dead endpoint was never tried: %v", lines)
		}
	})
}

func TestAllEndpointsDown(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		g := start(t, app(p, proxytest.DeadAddress(t), proxytest.DeadAddress(t)))
		if got := g.get(m, "/").StatusCode; got != 502 {
			t.Errorf("got %d, want 502", got)
		}
		line := g.lines(1)[0]
		if line["tries"] != 2.0 || !strings.Contains(line["reason"].(string), "connection refused") {
			t.Errorf("logged %v", line)
		}
	})
}

func TestNoEndpoints(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP))
		if got := g.get(m, "/").StatusCode; got != 503 {
			t.Errorf("got %d, want 503", got)
		}
		if line := g.lines(1)[0]; line["reason"] != "no endpoints" {
			t.Errorf("logged %v", line)
		}
	})
}

func TestPolicyThatCannotBeKept(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, ok)), func(s *gatelodge.Snapshot) {
			onlyHost(s).Routes[0].Policy = &gatelodge.Policy{Unavailable: "its Secret is missing"}
		})
		if answer := g.get(m, "/"); answer.StatusCode != 503 || strings.Contains(answer.body, "Secret") {
			t.Errorf("got %d %q", answer.StatusCode, answer.body)
		}
		if line := g.lines(1)[0]; line["reason"] != "policy: its Secret is missing" {
			t.Errorf("logged %v", line)
		}
	})
}

func TestSlowEndpoint(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		var asked atomic.Int32
		g := start(t, app(p, backendServer(t, p, func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			<-r.Context().Done()
		})), settings(func(s *gatelodge.Settings) { s.Timeouts.Read = 100 * time.Millisecond }))
		if got := g.get(m, "/").StatusCode; got != 504 {
			t.Errorf("got %d, want 504", got)
		}
		eventually(t, "it was asked", func() bool { return asked.Load() > 0 })
		if line := g.lines(1)[0]; asked.Load() != 1 || line["tries"] != 1.0 {
			t.Errorf("asked %d times, a timeout is not retried: %v", asked.Load(), line)
		}
	})
}

// TestSlowClient: a client that stops in the middle of its body gets a timeout.
func TestSlowClient(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
		})), settings(func(s *gatelodge.Settings) { s.Timeouts.Body = 100 * time.Millisecond }))
		out, in := pipe(t)
		go func() { _, _ = io.WriteString(in, "and then nothing") }()
		if got := do(t, g.client(m), newRequest(t, "POST", m.url(appHost, "/"), out)).StatusCode; got != 408 {
			t.Errorf("got %d, want 408", got)
		}
	})
}

// TestBrokenAnswer: a client can tell an aborted response from a complete one.
func TestBrokenAnswer(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		g := start(t, app(p, backendServer(t, p, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/known" {
				w.Header().Set("Content-Length", "1000")
			}
			_, _ = io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		})))
		for _, path := range []string{"/known", "/unknown"} {
			response, err := g.client(m).Do(newRequest(t, "GET", m.url(appHost, path), nil))
			if err != nil {
				continue // aborted before the head was sent
			}
			if body, err := io.ReadAll(response.Body); err == nil {
				t.Errorf("%s: got %q as if it were complete", path, body)
			}
			_ = response.Body.Close()
		}
		if line := g.lines(1)[0]; !strings.Contains(line["reason"].(string), "backend") {
			t.Errorf("logged %v", line)
		}
	})
}

// TestConnectionThatDied: an endpoint closes a kept connection just as it is used.
// Only an idempotent request is sent again.
func TestConnectionThatDied(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var heads atomic.Int32
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // answers nothing, but reads a head
				defer c.Close()
				_, _ = c.Read(make([]byte, 4096))
				heads.Add(1)
			}()
		}
	}()
	dying := netip.MustParseAddrPort(l.Addr().String())
	inModes(t, func(t *testing.T, m mode) {
		for method, want := range map[string]int{"GET": 200, "PUT": 200, "POST": 502} {
			g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, ok), dying))
			client := g.client(m)
			before := heads.Load()
			bad := 0
			for range 4 {
				if got := do(t, client, newRequest(t, method, m.url(appHost, "/"), nil)).StatusCode; got != 200 {
					bad++
					if got != want {
						t.Errorf("%s: got %d, want %d", method, got, want)
					}
				}
			}
			if heads.Load() == before || (bad > 0) != (want != 200) {
				t.Errorf("%s: %d of 4 failed, %d tries at the dying endpoint", method, bad, heads.Load()-before)
			}
		}
	})
}

func TestRetryBudget(t *testing.T) {
	var b budget
	for range budgetReserve / 1000 {
		if !b.spend() {
			t.Fatal("the reserve is smaller than it says")
		}
	}
	if b.spend() {
		t.Fatal("spent more than the reserve")
	}
	for range 5 {
		b.earn(0.2)
	}
	if !b.spend() || b.spend() {
		t.Error("five requests at 20% pay for one retry")
	}
}

// TestTurns: every endpoint gets its share, but a draining one none while there
// are others.
func TestTurns(t *testing.T) {
	counts := make([]atomic.Int32, 3)
	var addresses []netip.AddrPort
	for i := range counts {
		addresses = append(addresses, backendServer(t, gatelodge.BackendHTTP, func(http.ResponseWriter, *http.Request) { counts[i].Add(1) }))
	}
	g := start(t, app(gatelodge.BackendHTTP, addresses...), func(s *gatelodge.Snapshot) {
		onlyBackend(s).Endpoints[2].Draining = true
	})
	for range 10 {
		g.get(h1, "/")
	}
	if counts[0].Load() != 5 || counts[1].Load() != 5 || counts[2].Load() != 0 {
		t.Errorf("got %d, %d, %d", counts[0].Load(), counts[1].Load(), counts[2].Load())
	}
	s := plainSnapshot()
	app(gatelodge.BackendHTTP, addresses[2])(s)
	onlyBackend(s).Endpoints[0].Draining = true
	g.live.Swap(s)
	if got := g.get(h1, "/").StatusCode; got != 200 || counts[2].Load() != 1 {
		t.Errorf("got %d, the last one draining was asked %d times", got, counts[2].Load())
	}
}
