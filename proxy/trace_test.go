package proxy

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonproto "go.opentelemetry.io/proto/otlp/common/v1"
	traceproto "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/proxytest"
)

// collector receives spans as a collector of OpenTelemetry does.
type collector struct {
	url   string
	mu    sync.Mutex
	spans []*traceproto.Span
}

func startCollector(t *testing.T) *collector {
	c := new(collector)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := gzip.NewReader(r.Body)
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("a request for %s: %v", r.URL, err)
			return
		}
		data, err := io.ReadAll(body)
		var request collectortrace.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(data, &request)
		}
		if err != nil {
			t.Error(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, resource := range request.ResourceSpans {
			if name := attributesOf(resource.Resource.Attributes)["service.name"]; name != "edge" {
				t.Errorf("spans of service %q", name)
			}
			for _, scope := range resource.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

// all returns the spans that have come, those of requests before those of tries.
func (c *collector) all() []*traceproto.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	spans := slices.Clone(c.spans)
	slices.SortStableFunc(spans, func(a, b *traceproto.Span) int { return int(a.Kind) - int(b.Kind) })
	return spans
}

func attributesOf(list []*commonproto.KeyValue) map[string]string {
	values := make(map[string]string)
	for _, a := range list {
		values[a.Key] = a.Value.GetStringValue()
		if n, ok := a.Value.Value.(*commonproto.AnyValue_IntValue); ok {
			values[a.Key] = strconv.FormatInt(n.IntValue, 10)
		}
	}
	return values
}

func traced(c *collector, sample float64) func(*gatelodge.Snapshot) {
	return settings(func(s *gatelodge.Settings) {
		s.Tracing = gatelodge.Tracing{Collector: c.url, Service: "edge", Sample: sample}
	})
}

// TestTrace: a request has a span, each try has one below it, and the endpoint is told
// of that of its try.
func TestTrace(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		c := startCollector(t)
		told := make(chan string, 1)
		backend := backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
			told <- r.Header.Get("Traceparent")
			w.WriteHeader(404)
		})
		g := start(t, app(gatelodge.BackendHTTP, proxytest.DeadAddress(t), backend), traced(c, 1), settings(func(s *gatelodge.Settings) { s.Retries.Attempts = 3 }))
		// Of two requests at least one goes to the dead endpoint first.
		do(t, g.client(m), newRequest(t, "GET", m.url(appHost, "/a?secret=1"), nil))
		first := <-told
		do(t, g.client(m), newRequest(t, "GET", m.url(appHost, "/b"), nil))
		second := <-told
		if err := g.drain(); err != nil {
			t.Fatal(err)
		}
		spans := c.all()
		if len(spans) != 5 {
			t.Fatalf("got %d spans, want two of requests and three of tries: %v", len(spans), spans)
		}
		for i, path := range []string{"/a", "/b"} {
			request := spans[slices.IndexFunc(spans, func(s *traceproto.Span) bool { return attributesOf(s.Attributes)["url.path"] == path })]
			got := attributesOf(request.Attributes)
			if request.Name != "GET /" || request.Kind != traceproto.Span_SPAN_KIND_SERVER || len(request.ParentSpanId) > 0 {
				t.Errorf("the span of %s is %v", path, request)
			}
			for key, want := range map[string]string{
				"http.request.method": "GET", "http.response.status_code": "404", "http.route": "/", "server.address": appHost, "k8s.namespace.name": "shop", "client.address": "127.0.0.1",
			} {
				if got[key] != want {
					t.Errorf("%s of %s is %q, want %q", key, path, got[key], want)
				}
			}
			parent := []string{first, second}[i]
			tries := slices.DeleteFunc(slices.Clone(spans), func(s *traceproto.Span) bool {
				return string(s.ParentSpanId) != string(request.SpanId) || string(s.TraceId) != string(request.TraceId)
			})
			last := tries[len(tries)-1]
			if want := "00-" + hex.EncodeToString(last.TraceId) + "-" + hex.EncodeToString(last.SpanId) + "-01"; parent != want {
				t.Errorf("the endpoint is told %q, want %q", parent, want)
			}
			if len(tries) == 2 {
				if failed := tries[0]; failed.Status.GetCode() != traceproto.Status_STATUS_CODE_ERROR || attributesOf(last.Attributes)["http.request.resend_count"] != "1" {
					t.Errorf("the tries of %s are %v", path, tries)
				}
			}
		}
		for _, span := range spans {
			if strings.Contains(span.String(), "secret") {
				t.Errorf("a span has the query: %v", span)
			}
		}
	}, h1, h2)
}

// TestTraceContext: whose word counts, and what the backend is told of it (W3C Trace
// Context, section 3).
func TestTraceContext(t *testing.T) {
	const trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	with := func(flags string) string { return "00-" + trace + "-" + span + "-" + flags }
	for _, test := range []struct {
		name    string
		sent    string
		trusted bool
		rules   *gatelodge.TraceRules
		sample  float64
		spans   int
		same    bool // the trace
		told    string
	}{
		{"nothing is said, and it is traced", "", false, nil, 1, 2, false, "01"},
		{"nothing is said, and it is not traced", "", false, nil, 0, 0, false, "00"},
		{"a stranger asks for spans", with("01"), false, nil, 0, 0, false, "00"},
		{"a stranger wants none", with("00"), false, nil, 1, 2, false, "01"},
		{"a trusted proxy asks for spans", with("01"), true, nil, 0, 2, true, "01"},
		{"a trusted proxy wants none", with("00"), true, nil, 1, 0, true, "00"},
		{"a trusted proxy says nothing that is valid", "00-x-y-01", true, nil, 0, 0, false, "00"},
		{"the route trusts strangers", with("01"), false, &gatelodge.TraceRules{Trust: true}, 0, 2, true, "01"},
		{"the route has no spans", with("01"), false, &gatelodge.TraceRules{Off: true}, 1, 0, true, "01"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := startCollector(t)
			told := make(chan http.Header, 1)
			backend := backendServer(t, gatelodge.BackendHTTP, func(_ http.ResponseWriter, r *http.Request) { told <- r.Header })
			g := start(t, app(gatelodge.BackendHTTP, backend), traced(c, test.sample), func(s *gatelodge.Snapshot) {
				onlyHost(s).Routes[0].Policy = &gatelodge.Policy{Redirect: gatelodge.RedirectNever, Tracing: test.rules}
			}, settings(func(s *gatelodge.Settings) {
				if test.trusted {
					s.Trust.Forwarded = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
				}
			}))
			r := newRequest(t, "GET", h1.url(appHost, "/"), nil)
			if test.sent != "" {
				r.Header.Set("Traceparent", test.sent)
				r.Header.Set("Tracestate", "vendor=1")
			}
			do(t, g.client(h1), r)
			got := <-told
			if err := g.drain(); err != nil {
				t.Fatal(err)
			}
			if spans := c.all(); len(spans) != test.spans {
				t.Errorf("got %d spans, want %d", len(spans), test.spans)
			}
			parent := got.Get("Traceparent")
			if strings.Contains(parent, trace) != test.same || !strings.HasSuffix(parent, "-"+test.told) || len(parent) != len(with("00")) {
				t.Errorf("the backend is told %q", parent)
			}
			if want := map[bool]string{true: "vendor=1"}[test.same]; got.Get("Tracestate") != want {
				t.Errorf("the backend is told the state %q, want %q", got.Get("Tracestate"), want)
			}
		})
	}
}

// TestTracesFollowSettings: another collector gets the spans from the next snapshot on,
// and one that can't be reached costs requests nothing.
func TestTracesFollowSettings(t *testing.T) {
	first, second := startCollector(t), startCollector(t)
	lost := &collector{url: "http://" + proxytest.DeadAddress(t).String()}
	build := app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, ok))
	g := start(t, build, traced(lost, 1))
	for _, c := range []*collector{lost, first, second} {
		s := plainSnapshot()
		build(s)
		traced(c, 1)(s)
		g.live.Swap(s)
		if status := g.get(h1, "/").StatusCode; status != 200 {
			t.Errorf("status %d", status)
		}
	}
	eventually(t, "the spans of the first collector", func() bool { return len(first.all()) == 2 })
	if err := g.drain(); err != nil {
		t.Fatal(err)
	}
	if n := len(second.all()); n != 2 {
		t.Errorf("the second collector got %d spans, want 2", n)
	}
}
