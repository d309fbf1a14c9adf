package proxy

import (
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// TestRecentRequests: the last requests for a host are kept, the latest first, and
// outlive a swap of the table.
func TestRecentRequests(t *testing.T) {
	f := newFleet(t, &gatelodge.Policy{})
	f.swap(endpointsOf(1)...)
	for range keptRequests + 3 {
		f.send()
	}
	f.swap(endpointsOf(1)...)
	got := Explainer{f.server}.Recent("*.example.com") // which serves it
	if len(got) != keptRequests {
		t.Fatalf("%d requests, want %d", len(got), keptRequests)
	}
	for i, r := range got {
		if r.Status != 200 || r.Path == "" || r.Endpoint == "" || r.At.IsZero() || i > 0 && r.At.After(got[i-1].At) {
			t.Errorf("%d: %+v", i, r)
		}
	}
}

// TestEndpointStates: of an endpoint that fails the last error is known, and that it
// is left alone once it is ejected.
func TestEndpointStates(t *testing.T) {
	f := newFleet(t, &gatelodge.Policy{})
	f.swap(endpointsOf(2)...)
	f.behave[fleetAddress(0)] = func(x *exchange.Exchange) error { return x.Response.Head(503, nil, 0) }
	for range 40 {
		f.send()
	}
	states := Explainer{f.server}.Endpoints(appKey)
	if len(states) != 2 || states[0].Error != "it answers 503" || states[0].ErrorAt.IsZero() || states[1].Error != "" {
		t.Fatalf("%+v", states)
	}
	if out := f.ejected() == 1; out != !states[0].OutUntil.IsZero() || !states[1].OutUntil.IsZero() {
		t.Errorf("ejected: %t, %+v", out, states)
	}
	list := Explainer{f.server}.Policies(route1("/", appKey))
	if got := strings.Join(list, ", "); got == "" || !strings.HasPrefix(got, "hsts, body size, redirect to HTTPS") {
		t.Errorf("policies: %s", got)
	}
}
