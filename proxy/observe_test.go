package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/proxytest"
)

// metric returns the value of the series with these labels (name, value, …), the
// count of a histogram, and -1 if there is none.
func (g *gateway) metric(name string, labels ...string) float64 {
	g.t.Helper()
	families, err := g.registry.Gather()
	if err != nil {
		g.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			have := make(map[string]string)
			for _, l := range m.GetLabel() {
				have[l.GetName()] = l.GetValue()
			}
			matches := true
			for i := 0; i < len(labels); i += 2 {
				matches = matches && have[labels[i]] == labels[i+1]
			}
			switch {
			case !matches:
			case m.GetCounter() != nil:
				return m.GetCounter().GetValue()
			case m.GetGauge() != nil:
				return m.GetGauge().GetValue()
			default:
				return float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return -1
}

func TestAccessLog(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		address := backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(201)
			_, _ = io.WriteString(w, "four")
		})
		g := start(t, app(gatelodge.BackendHTTP, address))
		r := newRequest(t, "POST", m.url(appHost, "/a/../b%20c?secret=1"), strings.NewReader("sixsix"))
		r.Header.Set("User-Agent", "a \"quoted\" \\ \u00e9 \xff agent")
		do(t, g.client(m), r)
		r = newRequest(t, "GET", m.url("none.example.com", "/"), nil)
		do(t, g.client(m), r)

		lines := g.lines(2)
		listener, protocol := "http", "HTTP/1.1"
		if m.tls() {
			listener = "https"
		}
		if m.http2() {
			protocol = "HTTP/2.0"
		}
		for name, want := range map[string]any{
			"client": "127.0.0.1", "listener": listener, "method": "POST", "host": appHost, "path": "/b%20c", "protocol": protocol,
			"status": 201.0, "bytes_in": 6.0, "bytes_out": 4.0, "namespace": "shop", "ingress": "web", "service": "web",
			"endpoint": address.String(), "tries": 1.0, "user_agent": "a \"quoted\" \\ \u00e9 \ufffd agent",
		} {
			if lines[0][name] != want {
				t.Errorf("%s: got %v, want %v", name, lines[0][name], want)
			}
		}
		for _, name := range []string{"time", "id", "duration", "upstream_duration"} {
			if lines[0][name] == nil {
				t.Errorf("%s is missing in %v", name, lines[0])
			}
		}
		if _, has := lines[0]["tls"]; has != m.tls() {
			t.Errorf("tls: %v", lines[0]["tls"])
		}
		if strings.Contains(g.log.String(), "secret") {
			t.Error("the query is in the log")
		}
		if lines[1]["status"] != 404.0 || lines[1]["reason"] != "no host" || lines[1]["endpoint"] != nil {
			t.Errorf("logged %v", lines[1])
		}
	})
}

// TestUnloggedRoute: enable-access-log turns the log off for its own route.
func TestUnloggedRoute(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		address := backendServer(t, gatelodge.BackendHTTP, func(http.ResponseWriter, *http.Request) {})
		g := start(t, func(s *gatelodge.Snapshot) {
			app(gatelodge.BackendHTTP, address)(s)
			silent := route1("/healthz", appKey)
			silent.Policy = &gatelodge.Policy{Unlogged: true}
			addHosts(s, host1(appHost, silent, route1("/", appKey)))
		})
		for _, path := range []string{"/healthz", "/healthz/deep", "/"} {
			do(t, g.client(m), newRequest(t, "GET", m.url(appHost, path), nil))
		}
		if lines := g.lines(1); len(lines) != 1 || lines[0]["path"] != "/" {
			t.Errorf("logged %v", lines)
		}
	})
}

// TestAccessLogNeverBlocks: a blocked writer loses lines, and delays no requests.
func TestAccessLogNeverBlocks(t *testing.T) {
	dropped := prometheus.NewCounter(prometheus.CounterOpts{Name: "dropped"})
	var count bytes.Buffer
	l := newAccessLog(writerFunc(func(p []byte) (int, error) {
		count.Write(p)
		return 0, errors.New("disk full")
	}), slog.New(slog.DiscardHandler), dropped)
	g := start(t, app(gatelodge.BackendHTTP))
	r := &request{table: g.server.table.Load(), server: g.server, x: &exchange.Exchange{
		Method: "GET", Conn: &exchange.Conn{Listener: &gatelodge.Listener{Name: "http"}},
	}}
	for range accessLogLines + 5 { // nobody writes yet
		l.request(r, 0)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(dropped)
	if got := (&gateway{t: t, registry: registry}).metric("dropped"); got != 5 {
		t.Errorf("%v were dropped, want 5", got)
	}
	go l.run()
	l.close()
	if count.Len() == 0 {
		t.Error("what was kept was not written")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestMetrics(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, proxytest.DeadAddress(t), backendServer(t, gatelodge.BackendHTTP, ok)))
		client := g.client(m)
		for _, method := range []string{"GET", "GET", "GET", "GET", "BREW"} {
			do(t, client, newRequest(t, method, m.url(appHost, "/"), nil))
		}
		do(t, client, newRequest(t, "GET", m.url("none.example.com", "/"), nil))
		g.lines(6)
		web := []string{"namespace", "shop", "ingress", "web", "service", "web"}
		up := []string{"namespace", "shop", "service", "web"}
		for _, c := range []struct {
			name   string
			labels []string
			want   float64
		}{
			{"gatelodge_http_requests_total", append(web, "method", "GET", "code", "200"), 4},
			{"gatelodge_http_requests_total", append(web, "method", "OTHER", "code", "200"), 1},
			{"gatelodge_http_requests_total", []string{"ingress", "", "code", "404"}, 1},
			{"gatelodge_http_request_duration_seconds", web, 5},
			{"gatelodge_upstream_requests_total", up, 6},
			{"gatelodge_upstream_retries_total", up, 1},
			{"gatelodge_upstream_failures_total", up, 1},
			{"gatelodge_upstream_duration_seconds", up, 6},
			{"gatelodge_endpoints", append(up, "state", "ready"), 2},
			{"gatelodge_endpoints", append(up, "state", "draining"), 0},
		} {
			eventually(t, fmt.Sprint(c.name, c.labels, " is ", c.want, ", last ", g.metric(c.name, c.labels...)), func() bool {
				return g.metric(c.name, c.labels...) == c.want
			})
		}
		g.live.Swap(plainSnapshot()) // the Ingress goes, and its series with it
		for _, name := range []string{"gatelodge_http_requests_total", "gatelodge_http_request_duration_seconds", "gatelodge_upstream_requests_total", "gatelodge_endpoints"} {
			if got := g.metric(name, "namespace", "shop"); got != -1 {
				t.Errorf("%s is still there: %v", name, got)
			}
		}
	})
}

// TestAccessLogCantLie: what strangers send is shown with escapes, and read back
// the same.
func TestAccessLogCantLie(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, echoFields)))
		const agent = "a\u202eb\u0085c\u2028d\u200fe\ufeff"
		r := newRequest(t, "GET", m.url(appHost, "/"), nil)
		r.Header.Set("User-Agent", agent)
		_ = do(t, g.client(m), r)
		if line := g.lines(1)[0]; line["user_agent"] != agent {
			t.Errorf("read back: %q", line["user_agent"])
		}
		if text := strings.TrimSpace(g.log.String()); gatelodge.Printable(text) != text {
			t.Errorf("logged %q", text)
		}
	})
}
