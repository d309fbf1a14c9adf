package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// TestTimeoutsOfARoute go before those of the settings, which are longer than the
// client waits here.
func TestTimeoutsOfARoute(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		g := start(t, app(p, backendServer(t, p, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })),
			policy(&gatelodge.Policy{Timeouts: &gatelodge.RouteTimeouts{Read: 100 * time.Millisecond}}),
			settings(func(s *gatelodge.Settings) { s.Timeouts.Read = time.Hour }))
		if got := do(t, g.client(m), newRequest(t, "GET", m.url(appHost, "/"), nil)).StatusCode; got != 504 {
			t.Errorf("got %d, want 504", got)
		}
	})
}

// TestConnectTimeoutOfARoute: the endpoint never ends the handshake.
func TestConnectTimeoutOfARoute(t *testing.T) {
	for _, p := range []gatelodge.BackendProtocol{gatelodge.BackendHTTPS, gatelodge.BackendH2} {
		inModes(t, func(t *testing.T, m mode) {
			silent, _ := scripted(t, func(c net.Conn, _ *bufio.Reader) { _, _ = io.Copy(io.Discard, c) })
			g := start(t, app(p, silent), func(s *gatelodge.Snapshot) { onlyBackend(s).TLS = &gatelodge.BackendTLS{} },
				policy(&gatelodge.Policy{Timeouts: &gatelodge.RouteTimeouts{Connect: 100 * time.Millisecond}}),
				settings(func(s *gatelodge.Settings) { s.Timeouts.Connect = time.Hour }))
			if got := do(t, g.client(m), newRequest(t, "GET", m.url(appHost, "/"), nil)).StatusCode; got != 504 {
				t.Errorf("got %d, want 504", got)
			}
		})
	}
}

// TestRequestTimeout ends a request whatever it is at: waiting for a head,
// sending the body, or in an answer that comes bit by bit, each of which makes
// progress by the other timeouts. The connection serves the next request, of a route
// that has no such timeout.
func TestRequestTimeout(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		address := backendServer(t, p, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/silent":
				<-r.Context().Done()
			case "/slow":
				tick := time.NewTicker(20 * time.Millisecond)
				defer tick.Stop()
				for r.Context().Err() == nil {
					_, _ = io.WriteString(w, "bit")
					w.(http.Flusher).Flush()
					<-tick.C
				}
			default:
				_, _ = io.Copy(io.Discard, r.Body)
			}
		})
		g := start(t, app(p, address), policy(&gatelodge.Policy{Timeouts: &gatelodge.RouteTimeouts{Request: 300 * time.Millisecond}}), func(s *gatelodge.Snapshot) {
			h := onlyHost(s)
			h.Routes = append([]*gatelodge.Route{route1("/next", appKey)}, h.Routes...)
		})
		client := g.client(m)
		if got := do(t, client, newRequest(t, "GET", m.url(appHost, "/silent"), nil)).StatusCode; got != 504 {
			t.Errorf("no answer: got %d, want 504", got)
		}
		if reason, _ := g.lines(1)[0]["reason"].(string); !strings.Contains(reason, "takes longer than it may") {
			t.Errorf("logged %q", reason)
		}
		if got := g.metric("gatelodge_upstream_failures_total"); got != 0 {
			t.Errorf("%v failures of the endpoint, which kept to its timeouts", got)
		}
		out, in := pipe(t)
		go func() {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for range tick.C {
				if _, err := io.WriteString(in, "bit"); err != nil {
					return
				}
			}
		}()
		if got := do(t, client, newRequest(t, "POST", m.url(appHost, "/"), out)).StatusCode; got != 504 {
			t.Errorf("a slow body: got %d, want 504", got)
		}
		response, err := client.Get(m.url(appHost, "/slow"))
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
		if err == nil && response.StatusCode != 504 { // which is the answer where the head came too late
			t.Error("a slow answer ended as if it were whole")
		}
		if got := do(t, client, newRequest(t, "GET", m.url(appHost, "/next"), nil)).StatusCode; got != 200 {
			t.Errorf("the next request: got %d", got)
		}
	})
}

// TestRequestTimeoutOfTheLine holds for a request that waits for its turn, too.
func TestRequestTimeoutOfTheLine(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := newFleet(t, &gatelodge.Policy{
			BackendLimits: &gatelodge.BackendLimits{Requests: 1, Pending: 1},
			Timeouts:      &gatelodge.RouteTimeouts{Request: time.Second},
		})
		f.swap(endpointsOf(1)...)
		f.server.upstreams.byKey[appKey].gate.busy = 1
		began, cancellation := time.Now(), new(exchange.Cancellation)
		answer := f.send(func(x *exchange.Exchange) { x.Cancellation = cancellation })
		if took := time.Since(began); answer.status != 504 || took != time.Second {
			t.Errorf("got %d after %s, want 504 after a second", answer.status, took)
		}
		if err := cancellation.Err(); err != nil {
			t.Errorf("the next request on the connection would end: %v", err)
		}
	})
}

// TestWebSocketOutlivesRequestTimeout: a tunnel is not bounded.
func TestWebSocketOutlivesRequestTimeout(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		inTime(t, func(timeout time.Duration) bool {
			g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, webSocketEcho)),
				policy(&gatelodge.Policy{Timeouts: &gatelodge.RouteTimeouts{Request: timeout}}))
			c := g.webSocketInTime(m)
			if c == nil {
				return false
			}
			over := time.NewTimer(3 * timeout)
			for {
				if err := echo(c, "hello"); err != nil {
					t.Fatal(err)
				}
				select {
				case <-over.C:
					return true
				default:
				}
			}
		})
	}, h1, h1tls)
}
