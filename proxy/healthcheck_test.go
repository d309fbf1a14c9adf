package proxy

import (
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	grpchealth "google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/proxytest"
)

// checked is a fleet whose endpoints are asked for /healthz every ten seconds, and
// what each is asked and answers.
type checked struct {
	*fleet
	asked map[netip.AddrPort]int
	well  map[netip.AddrPort]bool
}

func newChecked(t *testing.T, n int) *checked {
	c := &checked{newFleet(t, &gatelodge.Policy{}), make(map[netip.AddrPort]int), make(map[netip.AddrPort]bool)}
	c.check = gatelodge.HealthCheck{Kind: gatelodge.CheckHTTP, Path: "/healthz", Interval: 10 * time.Second, Timeout: 2 * time.Second}
	for _, e := range endpointsOf(n) {
		c.well[e.Address] = true
		c.behave[e.Address] = func(x *exchange.Exchange) error {
			if x.Path != "/healthz" {
				return x.Response.Head(200, nil, 0)
			}
			c.mu.Lock()
			c.tries[e.Address]--
			c.asked[e.Address]++
			well := c.well[e.Address]
			c.mu.Unlock()
			if !well {
				return x.Response.Head(503, nil, 0)
			}
			return x.Response.Head(204, nil, 0)
		}
	}
	c.swap(endpointsOf(n)...)
	return c
}

// askedFor returns how often an endpoint was checked since the last call of forget.
func (c *checked) askedFor(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked[fleetAddress(n)]
}

// got returns how many requests of clients an endpoint got since then.
func (c *checked) got(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tries[fleetAddress(n)]
}

func (c *checked) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.asked)
	clear(c.tries)
}

// fail has an endpoint fail its checks, or pass them.
func (c *checked) fail(n int, fails bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.well[fleetAddress(n)] = !fails
}

// end has the backend go, and its checks with it.
func (c *checked) end() {
	c.live.Swap(plainSnapshot())
	synctest.Wait()
	c.forget()
	time.Sleep(time.Hour)
	if n := c.askedFor(0) + c.askedFor(1); n != 0 {
		c.Errorf("after the backend went its endpoints were checked %d times", n)
	}
}

// TestHealthChecks: an endpoint is out after three checks that failed and back
// after two that passed, whatever is swapped meanwhile; each is asked once in an
// interval, however many routes there are.
func TestHealthChecks(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newChecked(t, 10)
		defer c.end()
		time.Sleep(100 * time.Second)
		for i := range 10 {
			if n := c.askedFor(i); n < 9 || n > 11 {
				t.Errorf("in 100 s endpoint %d was checked %d times", i, n)
			}
		}
		const bad = 4
		gets := func() bool {
			before := c.got(bad)
			c.load(1, 20)
			return c.got(bad) > before
		}
		c.fail(bad, true)
		c.forget()
		for gets() {
			if c.askedFor(bad) >= failedChecks {
				t.Fatalf("it gets requests after %d checks failed", c.askedFor(bad))
			}
			time.Sleep(time.Second)
		}
		if c.askedFor(bad) != failedChecks {
			t.Errorf("it was out after %d checks failed", c.askedFor(bad))
		}
		if got := c.metric("gatelodge_unhealthy_endpoints"); got != 1 {
			t.Errorf("%v endpoints are said to be unhealthy", got)
		}
		for range 10 {
			c.swap(endpointsOf(10)...)
			time.Sleep(time.Minute)
			if gets() {
				t.Fatal("after a swap it gets requests")
			}
		}
		c.fail(bad, false)
		c.forget()
		for !gets() {
			time.Sleep(time.Second)
		}
		if c.askedFor(bad) != passedChecks {
			t.Errorf("it was back after %d checks passed", c.askedFor(bad))
		}
		if got := c.metric("gatelodge_unhealthy_endpoints"); got != 0 {
			t.Errorf("%v endpoints are said to be unhealthy", got)
		}
		if passed, failed := c.metric("gatelodge_upstream_checks_total", "result", "passed"), c.metric("gatelodge_upstream_checks_total", "result", "failed"); passed < 600 || failed < 60 || failed > 70 {
			t.Errorf("%v checks passed and %v failed", passed, failed)
		}
	})
}

// TestAllUnhealthy: where all endpoints fail their checks, all get requests.
func TestAllUnhealthy(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newChecked(t, 3)
		defer c.end()
		for i := range 3 {
			c.fail(i, true)
		}
		time.Sleep(time.Minute)
		c.forget()
		c.load(1, 300)
		for i := range 3 {
			if c.got(i) < 50 {
				t.Errorf("endpoint %d got %d of 300 requests", i, c.got(i))
			}
		}
	})
}

// TestCheckChanges: another check replaces the one before, and an endpoint that
// goes while it is out is not counted any more.
func TestCheckChanges(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newChecked(t, 2)
		defer c.end()
		c.fail(0, true)
		time.Sleep(time.Minute)
		c.check.Interval = time.Second
		c.swap(endpointsOf(2)...)
		c.forget()
		time.Sleep(time.Minute)
		if n := c.askedFor(1); n < 55 || n > 65 {
			t.Errorf("in a minute it was asked %d times, want once a second", n)
		}
		if got := c.metric("gatelodge_unhealthy_endpoints"); got != 1 {
			t.Errorf("%v endpoints are said to be unhealthy", got)
		}
		c.swap(endpointsOf(2)[1:]...)
		time.Sleep(time.Second)
		if got := c.metric("gatelodge_unhealthy_endpoints"); got != 0 {
			t.Errorf("%v endpoints are said to be unhealthy", got)
		}
		c.check = gatelodge.HealthCheck{}
		c.swap(endpointsOf(2)...)
		c.forget()
		time.Sleep(time.Hour)
		if n := c.askedFor(0) + c.askedFor(1); n != 0 {
			t.Errorf("without a check they were checked %d times", n)
		}
	})
}

// TestCheckTimesOut: an endpoint that does not answer a check in time fails it.
func TestCheckTimesOut(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for kind, protocol := range map[gatelodge.CheckKind]gatelodge.BackendProtocol{gatelodge.CheckHTTP: gatelodge.BackendHTTP, gatelodge.CheckGRPC: gatelodge.BackendH2C} {
		c := checkerOf(t, kind, protocol, netip.MustParseAddrPort(silent.Addr().String()))
		c.Timeout = 50 * time.Millisecond
		if err := c.ask(t.Context()); err == nil {
			t.Errorf("%s: a silent endpoint passes", c.HealthCheck)
		}
	}
}

// checkerOf is a checker of one endpoint that is really there.
func checkerOf(t *testing.T, kind gatelodge.CheckKind, protocol gatelodge.BackendProtocol, address netip.AddrPort) *checker {
	t.Helper()
	f := newFleet(t, &gatelodge.Policy{})
	backend := backend1(appKey, protocol, address)
	f.server.upstreams.connect = f.server.upstreams.engine
	e := f.server.upstreams.newEndpoint(keyOf(backend, address))
	t.Cleanup(e.close)
	s := plainSnapshot()
	f.live.Swap(s)
	return &checker{HealthCheck: gatelodge.HealthCheck{Kind: kind, Path: "/healthz?deep=1", Timeout: 10 * time.Second}, endpoint: e, backend: backend}
}

// TestHTTPCheck: a status from 200 to 399 passes, over HTTP/1.1 and HTTP/2.
func TestHTTPCheck(t *testing.T) {
	for _, protocol := range []gatelodge.BackendProtocol{gatelodge.BackendHTTP, gatelodge.BackendH2C} {
		var status atomic.Int32
		c := checkerOf(t, gatelodge.CheckHTTP, protocol, backendServer(t, protocol, func(w http.ResponseWriter, r *http.Request) {
			if r.RequestURI != "/healthz?deep=1" || r.UserAgent() != "gatelodge-health-check" {
				t.Errorf("asked for %s by %s", r.RequestURI, r.UserAgent())
			}
			w.WriteHeader(int(status.Load()))
			if n := status.Load(); n != 204 && n != 304 {
				_, _ = w.Write(make([]byte, 100_000))
			}
		}))
		for n, want := range map[int32]bool{200: true, 204: true, 302: true, 304: true, 400: false, 404: false, 500: false, 503: false} {
			status.Store(n)
			if err := c.ask(t.Context()); (err == nil) != want {
				t.Errorf("%s: %d: %v", protocol, n, err)
			}
		}
	}
}

// TestTCPCheck: an endpoint passes if it takes a connection.
func TestTCPCheck(t *testing.T) {
	if err := checkerOf(t, gatelodge.CheckTCP, gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, ok)).ask(t.Context()); err != nil {
		t.Error(err)
	}
	if err := checkerOf(t, gatelodge.CheckTCP, gatelodge.BackendHTTP, proxytest.DeadAddress(t)).ask(t.Context()); err == nil {
		t.Error("an endpoint that refuses connections passes")
	}
}

// TestGRPCCheck asks the health service of gRPC's own library.
func TestGRPCCheck(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, states := grpc.NewServer(), grpchealth.NewServer()
	grpc_health_v1.RegisterHealthServer(server, states)
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	states.SetServingStatus("shop.Cart", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	c := checkerOf(t, gatelodge.CheckGRPC, gatelodge.BackendH2C, netip.MustParseAddrPort(listener.Addr().String()))
	for _, step := range []struct {
		service string
		then    func()
		want    bool
	}{
		{"", func() {}, true},
		{"shop.Cart", func() {}, false},
		{"shop.Cart", func() { states.SetServingStatus("shop.Cart", grpc_health_v1.HealthCheckResponse_SERVING) }, true},
		{"shop.Unknown", func() {}, false},
		{"", states.Shutdown, false},
	} {
		step.then()
		c.Service = step.service
		if err := c.ask(t.Context()); (err == nil) != step.want {
			t.Errorf("%q: %v", step.service, err)
		}
	}
	without := grpc.NewServer()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = without.Serve(other) }()
	defer without.Stop()
	if err := checkerOf(t, gatelodge.CheckGRPC, gatelodge.BackendH2C, netip.MustParseAddrPort(other.Addr().String())).ask(t.Context()); err == nil {
		t.Error("a server without the health service passes")
	}
}

// TestServingStatus: a malformed message is no status.
func TestServingStatus(t *testing.T) {
	for frame, want := range map[string]uint64{
		"\x00\x00\x00\x00\x02\x08\x01": 1, "\x00\x00\x00\x00\x02\x08\x02": 2, "\x00\x00\x00\x00\x00": 0,
		"": 0, "\x00\x00": 0, "\x01\x00\x00\x00\x02\x08\x01": 0, "\x00\x00\x00\x00\x03\x08\x01": 0, "\x00\x00\x00\x00\x02\x10\x01": 0, "\x00\x00\x00\x00\x01\x08": 0, "\x00\x00\x00\x00\x02\x08\xff": 0,
	} {
		if got := servingStatus([]byte(frame)); got != want {
			t.Errorf("%q: %d, want %d", frame, got, want)
		}
	}
}
