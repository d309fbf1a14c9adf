package proxy

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/http1"
	"gatelodge.dev/proxy/http2"
)

// upstreams hold what outlives a Snapshot for each Backend: connections, the
// round-robin counter, the retry budget, and the queue of waiting requests.
type upstreams struct {
	settings func() *gatelodge.Settings
	random   func() uint64
	log      *slog.Logger
	connect  func(endpointKey) (handle exchange.Handler, closing func()) // engine, except in tests

	mu     sync.Mutex // compile and published exclude each other; tests lock it too
	byKey  map[gatelodge.BackendKey]*upstream
	closed bool // no more checks are started
}

// upstream is the lasting state of the Backend with one key.
type upstream struct {
	turn      turn
	budget    budget
	random    func() uint64
	measured  atomic.Uint32 // which parts of the endpoints' load are measured
	inFlight  atomic.Int64  // requests at all endpoints, if it is measured
	ejecting  sync.Mutex    // held while deciding whether to eject an endpoint
	gate      gate
	check     gatelodge.HealthCheck // guarded by upstreams.mu, as are endpoints
	endpoints map[endpointKey]*endpoint
}

// endpointKey identifies a set of connections that can be shared.
type endpointKey struct {
	address  netip.AddrPort
	protocol gatelodge.BackendProtocol
	tls      *gatelodge.BackendTLS
}

func keyOf(b *gatelodge.Backend, address netip.AddrPort) endpointKey {
	return endpointKey{address, b.Protocol, b.TLS}
}

// endpoint is one address of a Backend, with its connections.
type endpoint struct {
	address string
	handle  exchange.Handler // sends a request to the endpoint
	close   func()           // closes idle connections now, and the others after their requests
	health  health
	since   time.Time // when it was added; zero: together with its upstream
	load    load
	checked context.CancelFunc // stops its health checks; nil: there are none; guarded by upstreams.mu
}

// backend is a gatelodge.Backend with the state that is needed to send it requests.
type backend struct {
	source   *gatelodge.Backend
	upstream *upstream
	eligible []member // the endpoints that may be chosen
	turns    []uint32 // see turnsOf
	series   *upstreamSeries
}

func (s *Server) compileBackend(source *gatelodge.Backend) *backend {
	b := &backend{
		source: source,
		series: s.metrics.upstreamSeries(upstreamKey{source.Namespace, source.Service}),
	}
	b.upstream, b.eligible = s.upstreams.take(source, b.series)
	b.turns = turnsOf(b.eligible)
	return b
}

// take returns the upstream of a backend and its eligible endpoints: those that are
// not draining, or all if all are.
func (u *upstreams) take(source *gatelodge.Backend, series *upstreamSeries) (*upstream, []member) {
	u.mu.Lock()
	defer u.mu.Unlock()
	var since time.Time
	up := u.byKey[source.Key]
	if up == nil {
		up = &upstream{endpoints: make(map[endpointKey]*endpoint), random: u.random}
		u.byKey[source.Key] = up
	} else {
		since = time.Now()
	}
	var serving, draining []member
	for _, e := range source.Endpoints {
		key := keyOf(source, e.Address)
		end := up.endpoints[key]
		if end == nil {
			end = u.newEndpoint(key)
			end.since = since
			up.endpoints[key] = end
		}
		m := member{endpoint: end, weight: max(e.Weight, 1), id: xxhash.Sum64String(end.address)}
		if e.Draining {
			draining = append(draining, m)
		} else {
			serving = append(serving, m)
		}
	}
	u.check(up, source, series)
	if len(serving) == 0 {
		return up, draining
	}
	return up, serving
}

// newEndpoint returns an endpoint with the client side of its protocol's engine.
func (u *upstreams) newEndpoint(key endpointKey) *endpoint {
	e := &endpoint{address: key.address.String()}
	e.handle, e.close = u.connect(key)
	return e
}

// engine returns the functions that send requests to an endpoint, and that close it.
func (u *upstreams) engine(key endpointKey) (handle exchange.Handler, closing func()) {
	switch key.protocol {
	case gatelodge.BackendH2C:
		engine := http2.NewClient(key.address, http2.Options{Settings: u.settings})
		return engine.Do, engine.Close
	case gatelodge.BackendH2:
		engine := http2.NewClient(key.address, http2.Options{Settings: u.settings, Dial: dialTLS(endpointTLS(key.tls, "h2"))})
		return engine.Do, engine.Close
	case gatelodge.BackendHTTPS:
		dial := dialTLS(endpointTLS(key.tls, "http/1.1"))
		engine := http1.NewClient(key.address, http1.Options{Settings: u.settings, Dial: dial})
		return engine.Do, engine.Close
	default:
		engine := http1.NewClient(key.address, http1.Options{Settings: u.settings})
		return engine.Do, engine.Close
	}
}

// sweep drops the upstreams and endpoints of changed backends that are not in use
// any more. Their connections close when their requests are done.
func (u *upstreams) sweep(changed []gatelodge.Change[*backend]) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, c := range changed {
		if c.Before == nil {
			continue
		}
		named := make(map[endpointKey]bool)
		if c.After != nil {
			for _, e := range c.After.source.Endpoints {
				named[keyOf(c.After.source, e.Address)] = true
			}
		} else {
			delete(u.byKey, c.Before.source.Key)
		}
		endpoints := c.Before.upstream.endpoints
		for k, end := range endpoints {
			if !named[k] {
				delete(endpoints, k)
				end.stopCheck()
				end.close()
			}
		}
	}
}

// close stops all checks and closes idle connections at once, and the others after
// their requests.
func (u *upstreams) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	for _, up := range u.byKey {
		for _, end := range up.endpoints {
			end.stopCheck()
			end.close()
		}
	}
}
