package proxy

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// fleet is a gateway with one route to endpoints that are functions, so that
// requests take no time but that of the clock in a synctest bubble.
type fleet struct {
	testing.TB
	live     gatelodge.Live
	server   *Server
	registry *prometheus.Registry
	policy   *gatelodge.Policy
	settings *gatelodge.Settings
	check    gatelodge.HealthCheck // of the backend
	protocol gatelodge.BackendProtocol

	mu     sync.Mutex
	behave map[netip.AddrPort]func(*exchange.Exchange) error // nil: answer at once
	tries  map[netip.AddrPort]int
}

// newFleet makes a fleet without endpoints.
func newFleet(t testing.TB, policy *gatelodge.Policy) *fleet {
	f := &fleet{
		TB: t, policy: policy, settings: plainSnapshot().Settings, registry: prometheus.NewRegistry(),
		protocol: gatelodge.BackendHTTP,
		behave:   make(map[netip.AddrPort]func(*exchange.Exchange) error),
		tries:    make(map[netip.AddrPort]int),
	}
	f.restart()
	return f
}

// restart replaces the gateway by another one, which knows nothing of before.
func (f *fleet) restart() {
	f.live, f.registry = gatelodge.Live{}, prometheus.NewRegistry()
	f.server = New(&f.live, Config{Log: slog.New(slog.DiscardHandler), Registerer: f.registry})
	source := rand.New(rand.NewPCG(1, 2))
	var mu sync.Mutex
	f.server.upstreams.random = func() uint64 {
		mu.Lock()
		defer mu.Unlock()
		return source.Uint64()
	}
	f.server.upstreams.connect = func(key endpointKey) (exchange.Handler, func()) {
		return func(x *exchange.Exchange) error {
			f.mu.Lock()
			f.tries[key.address]++
			behave := f.behave[key.address]
			f.mu.Unlock()
			if behave == nil {
				return x.Response.Head(200, nil, 0)
			}
			return behave(x)
		}, func() {}
	}
}

// fleetAddress is the address of the nth endpoint.
func fleetAddress(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}), 8080)
}

// endpointsOf returns n endpoints of weight 1.
func endpointsOf(n int) []gatelodge.Endpoint {
	endpoints := make([]gatelodge.Endpoint, n)
	for i := range endpoints {
		endpoints[i].Address = fleetAddress(i)
	}
	return endpoints
}

// swap serves a snapshot with these endpoints.
func (f *fleet) swap(endpoints ...gatelodge.Endpoint) {
	s := plainSnapshot()
	s.Settings = f.settings
	route := route1("/", appKey)
	route.Policy = f.policy
	addHosts(s, host1("*.example.com", route))
	backend := backend1(appKey, f.protocol)
	backend.Endpoints, backend.Check = endpoints, f.check
	addBackends(s, backend)
	f.live.Swap(s)
}

// answerAfter is an endpoint that answers after a time.
func answerAfter(d time.Duration, status int) func(*exchange.Exchange) error {
	return func(x *exchange.Exchange) error {
		time.Sleep(d)
		return x.Response.Head(status, nil, 0)
	}
}

// send sends one request, changed by change, and returns its response.
func (f *fleet) send(change ...func(*exchange.Exchange)) *recorded {
	answer := &recorded{}
	x := &exchange.Exchange{
		Context: context.Background(), Conn: fleetConn, Client: fleetConn.Peer, Version: exchange.HTTP11,
		Method: "GET", Scheme: "http", Authority: appHost, Path: "/", Body: noBody{}, Response: answer,
	}
	for _, c := range change {
		c(x)
	}
	answer.err = f.server.handle(x)
	return answer
}

// load has clients send n requests together, each the next one after its answer.
func (f *fleet) load(clients, n int, change ...func(*exchange.Exchange)) {
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for range (n + clients - 1 - i) / clients {
				f.send(change...)
			}
		})
	}
	all.Wait()
}

// shares returns the share of the tries that each endpoint had since the last
// call.
func (f *fleet) shares() map[int]float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	sum := 0
	for _, n := range f.tries {
		sum += n
	}
	shares := make(map[int]float64)
	for address, n := range f.tries {
		ip := address.Addr().As4()
		shares[int(ip[2])<<8|int(ip[3])] = float64(n) / float64(sum)
	}
	clear(f.tries)
	return shares
}

// metric returns the value of a series, as gateway.metric does.
func (f *fleet) metric(name string, labels ...string) float64 {
	f.Helper()
	t, _ := f.TB.(*testing.T)
	return (&gateway{t: t, registry: f.registry}).metric(name, labels...)
}

// inBubble runs a test with a clock of its own.
func inBubble(t *testing.T, test func(t *testing.T)) { synctest.Test(t, test) }

var fleetConn = &exchange.Conn{
	Peer: netip.MustParseAddrPort("198.51.100.1:1000"), PeerText: "198.51.100.1",
	Listener: &gatelodge.Listener{Name: "http", Protocol: gatelodge.HTTP, PublicPort: 80},
}

// noBody is an empty body.
type noBody struct{}

func (noBody) Read([]byte) (int, error)  { return 0, io.EOF }
func (noBody) Trailers() exchange.Fields { return nil }
func (noBody) Close() error              { return nil }
func (noBody) Reopen()                   {}

// recorded is a response that is remembered.
type recorded struct {
	status int
	header exchange.Fields
	err    error // of the handler
}

func (r *recorded) Interim(int, exchange.Fields) error { return nil }
func (r *recorded) Head(status int, header exchange.Fields, _ int64) error {
	r.status, r.header = status, append(exchange.Fields(nil), header...)
	return nil
}
func (r *recorded) Write(p []byte) (int, error)    { return len(p), nil }
func (r *recorded) Flush() error                   { return nil }
func (r *recorded) Trailers(exchange.Fields) error { return nil }
func (r *recorded) Tunnel(_ string, header exchange.Fields) (exchange.Tunnel, error) {
	return noTunnel{}, r.Head(101, header, 0)
}

// noTunnel is a tunnel that has ended.
type noTunnel struct{ noBody }

func (noTunnel) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (noTunnel) CloseWrite() error         { return nil }
