package proxy

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/proxytest"
)

const mirrorKey = "shop/test:80+mirror"

// mirrored is what a target got.
type mirrored struct{ method, host, uri, body, mark, forwardedFor string }

// mirrorTarget starts a target, which answers as it is told to.
func mirrorTarget(t *testing.T, answer http.HandlerFunc) (address netip.AddrPort, got chan mirrored) {
	got = make(chan mirrored, 1000)
	return backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- mirrored{r.Method, r.Host, r.RequestURI, string(body), r.Header.Get("X-Gatelodge-Mirrored"), r.Header.Get("X-Forwarded-For")}
		answer(w, r)
	}), got
}

func mirroring(m gatelodge.Mirror, main, target netip.AddrPort) func(*gatelodge.Snapshot) {
	return func(s *gatelodge.Snapshot) {
		m.Backend = mirrorKey
		route := route1("/", appKey)
		route.Policy = &gatelodge.Policy{Redirect: gatelodge.RedirectNever, Mirror: &m}
		addHosts(s, host1(appHost, route))
		addBackends(s, backend1(appKey, gatelodge.BackendHTTP, main), backend1(mirrorKey, gatelodge.BackendHTTP, target))
	}
}

func readAll(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprint(w, len(body))
}

func (g *gateway) mirroredIs(result string, n float64) {
	g.t.Helper()
	eventually(g.t, fmt.Sprintf("%v copies that were %s", n, result), func() bool {
		return g.metric("gatelodge_mirror_requests_total", "service", "test", "result", result) == n
	})
}

// noMirrors waits until no copy is under way.
func (g *gateway) noMirrors() {
	g.t.Helper()
	m := g.server.mirrors
	eventually(g.t, "nothing is under way", func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.all == mirrorUse{} && len(m.byNamespace) == 0
	})
}

// TestMirror: the target gets method, path, query and body of each request, with the
// Host field of ingress-nginx (buildMirrorLocations in
// internal/ingress/controller/template/template.go), and the client its answer from
// the main backend.
func TestMirror(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		target, got := mirrorTarget(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
		g := start(t, mirroring(gatelodge.Mirror{Host: "test.shop.svc", Body: true, Share: 1}, backendServer(t, gatelodge.BackendHTTP, readAll), target))
		client := g.client(m)
		large := strings.Repeat("x", 300<<10)
		for _, c := range []struct {
			method string
			body   io.Reader
			want   string
		}{
			{"GET", nil, ""}, {"POST", strings.NewReader("hello"), "hello"}, {"PUT", io.MultiReader(strings.NewReader(large)), large},
		} {
			answer := do(t, client, newRequest(t, c.method, m.url(appHost, "/a/b?x=1"), c.body))
			if answer.StatusCode != 200 || answer.body != fmt.Sprint(len(c.want)) {
				t.Errorf("%s: the client got %d %q", c.method, answer.StatusCode, answer.body)
			}
			have := <-got
			if have.body != c.want {
				t.Errorf("%s: the target got a body of %d bytes, want %d", c.method, len(have.body), len(c.want))
			}
			have.body = ""
			if want := (mirrored{c.method, "test.shop.svc", "/a/b?x=1", "", "1", "127.0.0.1"}); have != want {
				t.Errorf("the target got %+v, want %+v", have, want)
			}
		}
		g.mirroredIs("answered", 3)
	})
}

// TestMirrorPaths: where a copy goes.
func TestMirrorPaths(t *testing.T) {
	for want, m := range map[string]gatelodge.Mirror{
		"/a/b?x=1":        {},
		"/shadow/a/b?x=1": {Path: "/shadow"},
		"/shadow?x=1":     {Path: "/shadow", Fixed: true},
	} {
		target, got := mirrorTarget(t, ok)
		m.Share, m.Body = 1, false
		g := start(t, mirroring(m, backendServer(t, gatelodge.BackendHTTP, readAll), target))
		if answer := do(t, g.client(h1), newRequest(t, "POST", h1.url(appHost, "/a/b?x=1"), strings.NewReader("hello"))); answer.body != "5" {
			t.Errorf("the main backend got %s bytes, want 5", answer.body)
		}
		if have := <-got; have.uri != want || have.body != "" {
			t.Errorf("the target got %s with %q, want %s without a body", have.uri, have.body, want)
		}
	}
}

// TestMirrorShare: so many of the requests are copied.
func TestMirrorShare(t *testing.T) {
	target, got := mirrorTarget(t, ok)
	g := start(t, mirroring(gatelodge.Mirror{Share: 0.25}, backendServer(t, gatelodge.BackendHTTP, ok), target))
	client := g.client(h1)
	const n = 800
	for range n {
		do(t, client, newRequest(t, "GET", h1.url(appHost, "/"), nil))
	}
	g.noMirrors()
	copied := float64(len(got))
	for _, result := range []string{"dropped", "failed"} { // where the machine has too much to do
		copied += max(g.metric("gatelodge_mirror_requests_total", "result", result), 0)
	}
	// Five standard deviations.
	if share := copied / n; math.Abs(share-0.25) > 5*math.Sqrt(0.25*0.75/n) {
		t.Errorf("%.3f of the requests were copied, want 0.25", share)
	}
}

// TestMirrorHurtsNobody: targets that refuse, hang or send without an end delay no
// request and keep no other copies than their own from being sent.
func TestMirrorHurtsNobody(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		hang := make(chan struct{})
		target, got := mirrorTarget(t, func(http.ResponseWriter, *http.Request) { <-hang })
		defer close(hang)
		g := start(t, mirroring(gatelodge.Mirror{Body: true, Share: 1}, backendServer(t, gatelodge.BackendHTTP, readAll), target))
		client := g.client(m)
		for range mirrorsOfNamespace + 20 {
			if answer := do(t, client, newRequest(t, "POST", m.url(appHost, "/"), strings.NewReader("hello"))); answer.body != "5" {
				t.Fatalf("the client got %q", answer.body)
			}
		}
		g.mirroredIs("dropped", 20)
		eventually(t, "all copies that may be under way", func() bool { return len(got) == mirrorsOfNamespace })

		// Those of another namespace go on.
		free, freeGot := mirrorTarget(t, ok)
		g.live.Swap(func() *gatelodge.Snapshot {
			s := plainSnapshot()
			mirroring(gatelodge.Mirror{Share: 1}, backendServer(t, gatelodge.BackendHTTP, readAll), free)(s)
			onlyHost(s).Routes[0].Object.Namespace = "other"
			return s
		}())
		do(t, client, newRequest(t, "GET", m.url(appHost, "/"), nil))
		<-freeGot

		// One that refuses connections fails, and that is all.
		g.live.Swap(func() *gatelodge.Snapshot {
			s := plainSnapshot()
			mirroring(gatelodge.Mirror{Share: 1}, backendServer(t, gatelodge.BackendHTTP, readAll), proxytest.DeadAddress(t))(s)
			onlyHost(s).Routes[0].Object.Namespace = "third"
			return s
		}())
		if answer := do(t, client, newRequest(t, "GET", m.url(appHost, "/"), nil)); answer.StatusCode != 200 {
			t.Errorf("with a dead target the client got %d", answer.StatusCode)
		}
		g.mirroredIs("failed", 1)
	}, h1, h2)
}

// TestMirrorBounds: a body that is large, that is not read to its end, or for which
// there is no room is not mirrored, and what copies take is given back.
func TestMirrorBounds(t *testing.T) {
	f := newFleet(t, &gatelodge.Policy{Mirror: &gatelodge.Mirror{Backend: canaryKey, Body: true, Share: 1}})
	f.swapWith(gatelodge.Canary{}, endpointsOf(1), canaryEndpoints(1))
	f.behave[fleetAddress(0)] = func(x *exchange.Exchange) error {
		_, _ = io.Copy(io.Discard, x.Body)
		return x.Response.Head(200, nil, 0)
	}
	release := make(chan struct{})
	f.behave[fleetAddress(canaryPlace)] = func(x *exchange.Exchange) error {
		<-release
		return x.Response.Head(200, nil, 0)
	}
	send := func(size int, length int64) {
		t.Helper()
		answer := f.send(func(x *exchange.Exchange) {
			x.Method, x.Length, x.Body = "POST", length, &checkBody{rest: make([]byte, size)}
		})
		if answer.status != 200 || answer.err != nil {
			t.Fatal(answer.status, answer.err)
		}
	}
	dropped := func(want float64, what string) {
		t.Helper()
		if n := max(f.metric("gatelodge_mirror_requests_total", "result", "dropped"), 0); n != want {
			t.Errorf("%s: %v copies were dropped, want %v", what, n, want)
		}
	}
	send(mostMirrored+1, mostMirrored+1)
	dropped(1, "a large body that says so")
	send(mostMirrored+1, -1)
	dropped(2, "a large body of unknown length")
	f.behave[fleetAddress(0)] = nil // which reads no body
	send(10, 10)
	dropped(3, "a body that is not read")
	f.behave[fleetAddress(0)] = func(x *exchange.Exchange) error {
		_, _ = io.ReadFull(x.Body, make([]byte, x.Length)) // which does not look for the end
		return x.Response.Head(200, nil, 0)
	}
	for range mirrorBytesOfNamespace / mostMirrored {
		send(mostMirrored, mostMirrored)
	}
	dropped(3, "as many bytes as a namespace may have")
	send(1, 1)
	dropped(4, "one more")
	close(release)
	(&gateway{t: t, server: f.server}).noMirrors()
	send(1, 1)
	dropped(4, "once there is room again")
}

// TestMirrorTakesItsTime: a target that does not answer is left after a while.
func TestMirrorTakesItsTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := newFleet(t, &gatelodge.Policy{Mirror: &gatelodge.Mirror{Backend: canaryKey, Share: 1}})
		f.swapWith(gatelodge.Canary{}, endpointsOf(1), canaryEndpoints(1))
		f.behave[fleetAddress(canaryPlace)] = func(x *exchange.Exchange) error {
			<-x.Context.Done()
			return fmt.Errorf("%w: no answer", exchange.ErrBackend)
		}
		begin := time.Now()
		f.send()
		if took := time.Since(begin); took != 0 {
			t.Errorf("the request took %s", took)
		}
		time.Sleep(mirrorTime + time.Second)
		if n := f.metric("gatelodge_mirror_requests_total", "result", "failed"); n != 1 {
			t.Errorf("%v copies have failed, want 1", n)
		}
	})
}

// TestMirrorMakesNoLoop: what was mirrored is not mirrored again, also where the
// target is the gateway, and upgrades are not mirrored.
func TestMirrorMakesNoLoop(t *testing.T) {
	var g *gateway
	main, got := mirrorTarget(t, ok)
	g = start(t, app(gatelodge.BackendHTTP, main))
	s := plainSnapshot()
	mirroring(gatelodge.Mirror{Host: appHost, Share: 1}, main, g.server.Addr("http"))(s)
	g.live.Swap(s)
	do(t, g.client(h1), newRequest(t, "GET", h1.url(appHost, "/"), nil))
	if first, second := <-got, <-got; first.mark == second.mark {
		t.Errorf("the backend got %+v and %+v", first, second)
	}
	g.mirroredIs("answered", 1)
	if len(got) != 0 {
		t.Errorf("the backend got %d further requests", len(got))
	}
}
