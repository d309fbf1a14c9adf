package proxy

import (
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// What is expected here is what ingress-nginx does in route_to_alternative_balancer
// of rootfs/etc/nginx/lua/balancer.lua, with the cookies of
// rootfs/etc/nginx/lua/balancer/sticky.lua.

const canaryKey = "shop/new:80"

// canaryPlace is where the places of a canary's endpoints begin.
const canaryPlace = 1 << 10

func canaryEndpoints(n int) []gatelodge.Endpoint {
	endpoints := make([]gatelodge.Endpoint, n)
	for i := range endpoints {
		endpoints[i].Address = fleetAddress(canaryPlace + i)
	}
	return endpoints
}

// swapWith serves a snapshot with endpoints of the main backend and of a canary,
// whose policy is the main one unless it has one of its own.
func (f *fleet) swapWith(c gatelodge.Canary, main, canary []gatelodge.Endpoint) {
	s := plainSnapshot()
	s.Settings = f.settings
	if c.Backend = canaryKey; c.Policy == nil {
		c.Policy = f.policy
	}
	c.Total = max(c.Total, 100)
	route := route1("/", appKey)
	route.Policy, route.Canary = f.policy, &c
	addHosts(s, host1("*.example.com", route))
	of, alternative := backend1(appKey, gatelodge.BackendHTTP), backend1(canaryKey, gatelodge.BackendHTTP)
	of.Endpoints, alternative.Endpoints = main, canary
	addBackends(s, of, alternative)
	f.live.Swap(s)
}

// toCanary sends requests, and returns which share of them went to the canary.
func (f *fleet) toCanary(n int, change ...func(*exchange.Exchange)) (share float64) {
	f.Helper()
	f.shares()
	for range n {
		if answer := f.send(change...); answer.status != 200 || answer.err != nil {
			f.Fatal(answer.status, answer.err)
		}
	}
	for place, part := range f.shares() {
		if place >= canaryPlace {
			share += part
		}
	}
	return share
}

func withField(name, value string) func(*exchange.Exchange) {
	return func(x *exchange.Exchange) { x.Header.Add(name, value) }
}

// TestCanaryWeight: of many requests the canary gets its share, whatever the total
// is and however many endpoints the two have, and the share holds through swaps.
func TestCanaryWeight(t *testing.T) {
	for _, c := range []struct{ weight, total int }{{0, 100}, {1, 100}, {10, 100}, {50, 100}, {100, 100}, {5, 1000}, {150, 1000}, {1000, 1000}} {
		f := newFleet(t, &gatelodge.Policy{})
		const n = 20_000
		p := float64(c.weight) / float64(c.total)
		sent := 0.0
		for range 4 {
			f.swapWith(gatelodge.Canary{Weight: c.weight, Total: c.total}, endpointsOf(7), canaryEndpoints(2))
			sent += f.toCanary(n / 4)
		}
		// Four standard deviations, and for certain where there is no chance.
		if share := sent / 4; math.Abs(share-p) > 4*math.Sqrt(p*(1-p)/n) {
			t.Errorf("weight %d of %d: %.4f of the requests went to the canary", c.weight, c.total, share)
		}
		counted := f.metric("gatelodge_http_canary_requests_total", "namespace", "shop", "ingress", "web", "service", "new", "by", "weight")
		if c.weight == 0 && counted != -1 || c.weight == c.total && counted != n {
			t.Errorf("weight %d of %d: %v were counted", c.weight, c.total, counted)
		}
	}
}

// TestCanarySharesEndpoints: those of a request that went to the canary are chosen as
// those of any backend are.
func TestCanarySharesEndpoints(t *testing.T) {
	f := newFleet(t, &gatelodge.Policy{})
	f.swapWith(gatelodge.Canary{Weight: 40}, endpointsOf(3), canaryEndpoints(2))
	f.shares()
	for range 10_000 {
		f.send()
	}
	for place, share := range f.shares() {
		want := 0.2
		if math.Abs(share-want) > 0.02 {
			t.Errorf("endpoint %d got %.3f of the requests, want %.3f", place, share, want)
		}
	}
}

// TestCanaryRules: what decides, and what goes before what.
func TestCanaryRules(t *testing.T) {
	header := gatelodge.Canary{Header: "x-canary"}
	value := gatelodge.Canary{Header: "x-canary", Value: "blue"}
	pattern := gatelodge.Canary{Header: "x-canary", Pattern: regexp.MustCompile("^v[2-9]")}
	cookie := gatelodge.Canary{Cookie: "beta"}
	all := func(c gatelodge.Canary) gatelodge.Canary { c.Weight = 100; return c }
	both := func(c gatelodge.Canary) gatelodge.Canary { c.Cookie = "beta"; return c }
	for _, c := range []struct {
		canary  gatelodge.Canary
		request string
		goes    bool
	}{
		{header, "", false},
		{header, "x-canary: always", true},
		{header, "x-canary: never", false},
		{header, "x-canary: Always", false},
		{header, "x-canary: 1", false},
		{all(header), "x-canary: never", false},
		{all(header), "x-canary: 1", true},
		{all(header), "x-canary: never | x-canary: never", true}, // "never, never" is another value

		{value, "x-canary: blue", true},
		{value, "x-canary: Blue", false},
		{value, "x-canary: always", false},
		{all(value), "x-canary: never", true}, // the words mean nothing beside a value
		{all(value), "x-canary: green", true},

		{pattern, "x-canary: v2.1", true},
		{pattern, "x-canary: v1", false},
		{pattern, "x-canary: always", false},
		{all(pattern), "x-canary: never", true},

		{cookie, "cookie: beta=always", true},
		{cookie, "cookie: theme=dark; beta=always", true},
		{cookie, "cookie: beta=never", false},
		{cookie, "cookie: beta=yes", false},
		{all(cookie), "cookie: beta=never", false},
		{all(cookie), "cookie: beta=yes", true},

		{both(header), "x-canary: always | cookie: beta=never", true},
		{both(header), "x-canary: never | cookie: beta=always", false},
		{both(header), "x-canary: perhaps | cookie: beta=always", true},
		{all(both(header)), "x-canary: perhaps | cookie: beta=never", false},
		{both(value), "x-canary: green | cookie: beta=always", true},
		{all(both(pattern)), "x-canary: v1 | cookie: beta=never", false},
	} {
		f := newFleet(t, &gatelodge.Policy{})
		f.swapWith(c.canary, endpointsOf(1), canaryEndpoints(1))
		share := f.toCanary(20, func(x *exchange.Exchange) {
			for field := range strings.SplitSeq(c.request, " | ") {
				if name, value, ok := strings.Cut(field, ": "); ok {
					x.Header.Add(name, value)
				}
			}
		})
		if want := map[bool]float64{true: 1}[c.goes]; share != want {
			t.Errorf("%q with%s: %v of the requests went to the canary, want %v", c.request, c.canary.String(), share, want)
		}
	}
}

// TestCanaryWithoutEndpoints: the main backend gets all, as ingress-nginx has it; the
// other way round the rules still hold.
func TestCanaryWithoutEndpoints(t *testing.T) {
	f := newFleet(t, &gatelodge.Policy{})
	canary := gatelodge.Canary{Header: "x-canary", Weight: 100}
	f.swapWith(canary, endpointsOf(1), nil)
	if share := f.toCanary(10, withField("x-canary", "always")); share != 0 {
		t.Errorf("%v of the requests went to a canary that has no endpoints", share)
	}
	f.swapWith(canary, nil, canaryEndpoints(1))
	if share := f.toCanary(10); share != 1 {
		t.Errorf("%v of the requests went to the canary, want all", share)
	}
	if answer := f.send(withField("x-canary", "never")); answer.status != 503 {
		t.Errorf("a main backend without endpoints answers %d, want 503", answer.status)
	}
}

// TestCanaryRetries: a request that failed at the canary is tried again there.
func TestCanaryRetries(t *testing.T) {
	f := newFleet(t, &gatelodge.Policy{})
	f.swapWith(gatelodge.Canary{Weight: 100}, endpointsOf(3), canaryEndpoints(2))
	f.behave[fleetAddress(canaryPlace)] = func(*exchange.Exchange) error {
		return fmt.Errorf("%w: %w: refused", exchange.ErrBackend, exchange.ErrUnsent)
	}
	if share := f.toCanary(20); share != 1 {
		t.Errorf("%v of the tries were at the canary, want all", share)
	}
}

// TestCanaryBalancing: the canary's own way to choose an endpoint counts, for its
// requests alone.
func TestCanaryBalancing(t *testing.T) {
	f := newFleet(t, &gatelodge.Policy{})
	f.swapWith(gatelodge.Canary{Weight: 50, Policy: &gatelodge.Policy{HashBy: hashBy("$arg_user")}}, endpointsOf(5), canaryEndpoints(5))
	for range 200 {
		f.send(func(x *exchange.Exchange) { x.Query = "?user=7" })
	}
	main, canary := 0, 0
	for place := range f.shares() {
		if place >= canaryPlace {
			canary++
		} else {
			main++
		}
	}
	if main != 5 || canary != 1 {
		t.Errorf("a user came to %d endpoints of the main backend and %d of the canary, want 5 and 1", main, canary)
	}
}

// TestCanarySessions: a session stays at the backend at which it began, against any
// header, weight and swap; with a canary of which sessions are not known, main ones
// stay and others are decided each time.
func TestCanarySessions(t *testing.T) {
	modes(t, func(t *testing.T, a gatelodge.Affinity) {
		f := newFleet(t, &gatelodge.Policy{Affinity: &a})
		canary := gatelodge.Canary{Header: "x-canary", Weight: 30}
		f.swapWith(canary, endpointsOf(4), canaryEndpoints(3))
		all := f.sessions(1000)
		began := 0
		for _, s := range all {
			if s.place >= canaryPlace {
				began++
			}
		}
		if math.Abs(float64(began)-300) > 60 {
			t.Errorf("%d of 1000 sessions began at the canary, want about 300", began)
		}
		canary.Weight = 100
		f.restart()
		f.swapWith(canary, endpointsOf(4), canaryEndpoints(3))
		if elsewhere, cookies := f.moved(all); elsewhere+cookies != 0 {
			t.Errorf("with another weight, after a restart, %d of 1000 sessions went elsewhere, and %d got another cookie", elsewhere, cookies)
		}
		for _, s := range all[:50] {
			want := map[bool]float64{true: 1}[s.place >= canaryPlace]
			for _, says := range []string{"always", "never"} {
				if share := f.toCanary(1, withField("cookie", s.cookie), withField("x-canary", says)); share != want {
					t.Errorf("a session went elsewhere because a header says %s", says)
				}
			}
		}

		f.swapWith(canary, endpointsOf(4), nil)
		if share := f.toCanary(50, withField("cookie", all[0].cookie)); share != 0 {
			t.Errorf("%v went to a canary without endpoints", share)
		}
	})
}

// TestSessionsOutliveCanary: sessions that began before there was a canary stay at the
// main backend, and sessions keep their endpoints when the canary goes, or becomes
// the main backend.
func TestSessionsOutliveCanary(t *testing.T) {
	modes(t, func(t *testing.T, a gatelodge.Affinity) {
		f := newFleet(t, &gatelodge.Policy{Affinity: &a})
		f.swap(endpointsOf(4)...)
		before := f.sessions(200)
		f.swapWith(gatelodge.Canary{Weight: 100}, endpointsOf(4), canaryEndpoints(3))
		if elsewhere, cookies := f.moved(before); elsewhere+cookies != 0 {
			t.Errorf("since there is a canary %d of 200 sessions went elsewhere, and %d got another cookie", elsewhere, cookies)
		}
		f.swapWith(gatelodge.Canary{Weight: 0}, endpointsOf(4), canaryEndpoints(3))
		during := f.sessions(200)
		f.swap(endpointsOf(4)...)
		if elsewhere, cookies := f.moved(during); elsewhere+cookies != 0 {
			t.Errorf("since there is no canary %d of 200 sessions went elsewhere, and %d got another cookie", elsewhere, cookies)
		}

		f.swapWith(gatelodge.Canary{Weight: 100}, endpointsOf(4), canaryEndpoints(3))
		promoted := f.sessions(200)
		f.swap(canaryEndpoints(3)...)
		if elsewhere, cookies := f.moved(promoted); elsewhere+cookies != 0 {
			t.Errorf("since the canary is the main backend %d of 200 sessions went elsewhere, and %d got another cookie", elsewhere, cookies)
		}
	})
}

// TestCanaryOfLegacyBehavior: a session at the main backend stays, and the canary's
// requests belong to none.
func TestCanaryOfLegacyBehavior(t *testing.T) {
	f := newFleet(t, &gatelodge.Policy{Affinity: &gatelodge.Affinity{Cookie: "user"}})
	f.swapWith(gatelodge.Canary{Header: "x-canary", Weight: 50, Policy: &gatelodge.Policy{}}, endpointsOf(3), canaryEndpoints(1))
	for range 50 {
		answer := f.send(withField("x-canary", "always"))
		if cookie := answer.header.Get("set-cookie"); cookie != "" {
			t.Fatalf("the canary set the cookie %q", cookie)
		}
	}
	_, cookie, _ := f.visit("")
	for cookie == "" {
		_, cookie, _ = f.visit("")
	}
	if share := f.toCanary(50, withField("cookie", cookie), withField("x-canary", "always")); share != 0 {
		t.Errorf("%v of the requests of a session at the main backend went to the canary", share)
	}
}

// TestCanaryIsServed: requests over every protocol reach the canary under the main
// route's policies, and the log and metrics tell it.
func TestCanaryIsServed(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		named := func(name string) netip.AddrPort {
			return backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprint(w, name, " ", r.Host, r.URL.Path)
			})
		}
		g := start(t, func(s *gatelodge.Snapshot) {
			route := route1("/", appKey)
			route.Policy = &gatelodge.Policy{Redirect: gatelodge.RedirectNever, UpstreamHost: "inner.example.com", BodyBytes: new(int64(4))}
			route.Canary = &gatelodge.Canary{Backend: canaryKey, Policy: route.Policy, Header: "x-canary", Total: 100}
			addHosts(s, host1(appHost, route))
			addBackends(s, backend1(appKey, gatelodge.BackendHTTP, named("main")), backend1(canaryKey, gatelodge.BackendHTTP, named("canary")))
		})
		client := g.client(m)
		for _, c := range []struct{ says, want string }{{"always", "canary inner.example.com/x"}, {"never", "main inner.example.com/x"}} {
			r := newRequest(t, "GET", m.url(appHost, "/x"), nil)
			r.Header.Set("X-Canary", c.says)
			if answer := do(t, client, r); answer.StatusCode != 200 || answer.body != c.want {
				t.Errorf("%s: %d %q, want %q", c.says, answer.StatusCode, answer.body, c.want)
			}
		}
		r := newRequest(t, "POST", m.url(appHost, "/x"), strings.NewReader("too long"))
		r.Header.Set("X-Canary", "always")
		if answer := do(t, client, r); answer.StatusCode != 413 {
			t.Errorf("the main route's limit of bodies: %d, want 413", answer.StatusCode)
		}
		lines := g.lines(3)
		if at := lines[0]; at["service"] != "new" || at["ingress"] != "web" || at["canary"] != "header" {
			t.Errorf("the access log says %v of a request that went to the canary", at)
		}
		if at := lines[1]; at["service"] != "web" || at["canary"] != nil {
			t.Errorf("the access log says %v of a request that went to the main backend", at)
		}
		for service, want := range map[string]float64{"new": 1, "web": 1} {
			if n := g.metric("gatelodge_http_requests_total", "ingress", "web", "service", service, "code", "200"); n != want {
				t.Errorf("%v requests of service %s were counted, want %v", n, service, want)
			}
		}
		g.live.Swap(plainSnapshot())
		if n := g.metric("gatelodge_http_canary_requests_total"); n != -1 {
			t.Errorf("the series of a canary that is gone is still there, with %v", n)
		}
	})
}
