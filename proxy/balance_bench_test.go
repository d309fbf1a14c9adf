package proxy

import (
	"testing"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
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
	} {
		b.Run(c.name, func(b *testing.B) {
			f := newFleet(b, &c.policy)
			f.swap(endpointsOf(10)...)
			for _, e := range f.server.upstreams.byKey[appKey].endpoints {
				e.handle = func(x *exchange.Exchange) error { return x.Response.Head(200, nil, 0) }
			}
			header := exchange.Fields{{Name: "cookie", Value: "theme=dark; user=7"}}
			answer := &recorded{}
			x := &exchange.Exchange{Conn: fleetConn, Client: fleetConn.Peer, Method: "GET", Scheme: "http", Authority: appHost}
			b.ReportAllocs()
			for b.Loop() {
				x.Path, x.Query, x.Body, x.Response = "/cart", "?user=7", noBody{}, answer
				x.Header = append(x.Header[:0], header...)
				if err := f.server.handle(x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
