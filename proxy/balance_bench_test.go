package proxy

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/tracing"
)

// BenchmarkForward sends a request through the handler to one of ten endpoints
// that answer at once: what the gateway itself does, and what each policy adds.
func BenchmarkForward(b *testing.B) {
	for _, c := range []struct {
		name   string
		policy gatelodge.Policy
	}{
		{"plain", gatelodge.Policy{}},
		{"least request", gatelodge.Policy{LoadBalance: gatelodge.LeastRequest}},
		{"EWMA", gatelodge.Policy{LoadBalance: gatelodge.PeakEWMA}},
		{"slow start", gatelodge.Policy{SlowStart: new(time.Minute)}},
		{"hash of a cookie", gatelodge.Policy{HashBy: hashBy("$cookie_user")}},
		{"hash of the URI", gatelodge.Policy{HashBy: hashBy("$request_uri")}},
		{"session", gatelodge.Policy{Affinity: &gatelodge.Affinity{Cookie: "user"}}},
		{"hash with a subset", gatelodge.Policy{HashBy: &gatelodge.HashBy{Key: hashBy("$arg_user").Key, Subset: 3}}},
		{"hash with a bound", gatelodge.Policy{HashBy: &gatelodge.HashBy{Key: hashBy("$arg_user").Key, Bound: 1.25}}},
		{"limit-rps", gatelodge.Policy{ClientLimits: &gatelodge.ClientLimits{PerSecond: 1e6, Burst: 1000}}},
		{"limit-connections", gatelodge.Policy{ClientLimits: &gatelodge.ClientLimits{Connections: 1000}}},
		{"max-requests", gatelodge.Policy{BackendLimits: &gatelodge.BackendLimits{Requests: 1000}}},
		{"limit-rate", gatelodge.Policy{Bandwidth: &gatelodge.Bandwidth{Rate: 1 << 40}}},
		{"proxy-read-timeout", gatelodge.Policy{Timeouts: &gatelodge.RouteTimeouts{Read: time.Second}}},
		{"request-timeout", gatelodge.Policy{Timeouts: &gatelodge.RouteTimeouts{Request: time.Minute}}},
		{"auth-url", gatelodge.Policy{ExternalAuth: authOf(b, "")}},
		{"auth-url with auth-cache-key", gatelodge.Policy{ExternalAuth: authOf(b, "$cookie_user")}},
		{"compression, of no type that is compressed", gatelodge.Policy{Compression: compressed().Compression}},
		{"proxy-request-buffering, without a body", gatelodge.Policy{Buffering: &gatelodge.Buffering{Request: true}}},
		{"proxy-buffering", gatelodge.Policy{Buffering: &gatelodge.Buffering{Response: true, ResponseMemory: 16 << 10}}},
		{"proxy-next-upstream", gatelodge.Policy{Retries: &gatelodge.RetryRules{On: gatelodge.RetryError | gatelodge.Retry503}}},
		{"snippet of fields", gatelodge.Policy{Snippet: snippetOf()}},
		{"snippet with an if", gatelodge.Policy{Snippet: snippetOf(&gatelodge.SnippetIf{
			Subject: gatelodge.TemplatePart{Value: gatelodge.RequestCookie, Text: "user"}, Compare: gatelodge.ComparePattern, Pattern: regexp.MustCompile("^(admin|root)$"),
		})}},
	} {
		b.Run(c.name, func(b *testing.B) {
			send := forwarding(b, &c.policy)
			b.ReportAllocs()
			for b.Loop() {
				send()
			}
		})
	}
}

// BenchmarkTraced does the same with tracing on, where a request in a thousand is
// traced, or each: of these most spans are dropped, as nothing takes them so fast.
func BenchmarkTraced(b *testing.B) {
	collector := httptest.NewServer(http.NotFoundHandler())
	defer collector.Close()
	for name, share := range map[string]float64{"one in a thousand": 0.001, "each": 1} {
		b.Run(name, func(b *testing.B) {
			sender := tracing.NewSender("", prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
			tracer, err := sender.Open(gatelodge.Tracing{Collector: collector.URL, Service: "edge", Sample: share})
			if err != nil {
				b.Fatal(err)
			}
			defer tracer.Close()
			send := forwarding(b, &gatelodge.Policy{}, tracer)
			b.ReportAllocs()
			for b.Loop() {
				send()
			}
		})
	}
}

// snippetOf is a snippet that adds two fields to the response.
func snippetOf(steps ...gatelodge.SnippetStep) *gatelodge.Snippet {
	return &gatelodge.Snippet{Location: steps, Scope: &gatelodge.SnippetScope{Fields: gatelodge.FieldEdits{Response: []gatelodge.FieldEdit{
		{Change: gatelodge.AddField, Name: "x-frame-options", Value: literal("DENY"), Statuses: gatelodge.AddHeaderStatuses},
		{Name: "x-content-type-options", Value: literal("nosniff")},
	}}}}
}

// authOf asks the backend itself, whose endpoints answer at once.
func authOf(t testing.TB, key string) *gatelodge.ExternalAuth {
	target, err := gatelodge.ParseTemplate("/verify?of=$host")
	if err != nil {
		t.Fatal(err)
	}
	a := &gatelodge.ExternalAuth{Backend: appKey, Host: "auth.example.net", Target: target, ResponseFields: []string{"x-auth-user"}}
	if a.CacheKey, err = gatelodge.ParseTemplate(key); err != nil {
		t.Fatal(err)
	}
	a.CacheFor = []gatelodge.AuthCacheRule{{Statuses: []uint16{200}, For: time.Hour}}
	return a
}

// forwarding returns what sends a request to an endpoint that answers at once.
func forwarding(t testing.TB, policy *gatelodge.Policy, tracers ...*tracing.Tracer) (send func()) {
	f := newFleet(t, policy)
	f.swap(endpointsOf(10)...)
	for _, tracer := range tracers {
		f.server.table.Load().tracer = tracer
	}
	content := []byte("ok")
	for _, e := range f.server.upstreams.byKey[appKey].endpoints {
		e.handle = func(x *exchange.Exchange) error {
			if err := x.Response.Head(200, nil, 2); err != nil {
				return err
			}
			_, err := x.Response.Write(content)
			return err
		}
	}
	header := exchange.Fields{{Name: "cookie", Value: "theme=dark; user=7"}}
	answer := &recorded{}
	x := &exchange.Exchange{
		Context: t.Context(), Cancellation: new(exchange.Cancellation), Conn: fleetConn, Client: fleetConn.Peer,
		Method: "GET", Scheme: "http", Authority: appHost,
	}
	return func() {
		x.Path, x.Query, x.Body, x.Response = "/cart", "?user=7", noBody{}, answer
		x.Header = append(x.Header[:0], header...)
		if err := f.server.handle(x); err != nil || answer.status != 200 {
			t.Fatal(answer.status, err)
		}
	}
}
