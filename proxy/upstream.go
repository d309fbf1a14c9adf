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

// upstreams are what outlives a Snapshot for each Backend: connections, whose
// turn it is, the retries that are left, and the requests that wait.
type upstreams struct {
	settings func() *gatelodge.Settings
	random   func() uint64
	log      *slog.Logger
	connect  func(endpointKey) (handle exchange.Handler, closing func()) // engine, but in tests

	mu     sync.Mutex // compiling and publishing take turns; tests look too
	byKey  map[gatelodge.BackendKey]*upstream
	closed bool // no checks begin any more
}

// upstream is the lasting part of the Backend of one key.
type upstream struct {
	turn      turn
	budget    budget
	random    func() uint64
	measured  atomic.Uint32 // what of the endpoints' load is measured
	inFlight  atomic.Int64  // requests at all endpoints, once it is measured
	ejecting  sync.Mutex    // held to decide whether an endpoint is ejected
	gate      gate
	check     gatelodge.HealthCheck // guarded by upstreams.mu, as are endpoints
	endpoints map[endpointKey]*endpoint
}

// endpointKey tells apart what needs connections of its own.
type endpointKey struct {
	address  netip.AddrPort
	protocol gatelodge.BackendProtocol
	tls      *gatelodge.BackendTLS
}

func keyOf(b *gatelodge.Backend, address netip.AddrPort) endpointKey {
	return endpointKey{address, b.Protocol, b.TLS}
}

// endpoint is one address of a Backend with its connections.
type endpoint struct {
	address string
	handle  exchange.Handler // sends a request there
	close   func()           // closes the connections that no request is on, and the others after theirs
	health  health
	since   time.Time // it became known; zero: with its upstream
	load    load
	checked context.CancelFunc // ends its checks; nil: there are none; guarded by upstreams.mu
}

// backend is a gatelodge.Backend with what it needs to be sent requests.
type backend struct {
	source   *gatelodge.Backend
	upstream *upstream
	eligible []member // those that may be chosen
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

// take returns the upstream of a backend and its endpoints that may be chosen:
// those that are not draining, or all where there is no other.
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

// newEndpoint returns an endpoint with the engine of its protocol.
func (u *upstreams) newEndpoint(key endpointKey) *endpoint {
	e := &endpoint{address: key.address.String()}
	e.handle, e.close = u.connect(key)
	return e
}

// engine returns what sends requests to an endpoint, and what closes it.
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

// sweep drops the upstreams and endpoints of the backends that changed and are
// not named any more. Their connections close when the requests on them are
// done.
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

// close ends all checks, and closes every connection that no request is on, and
// the others when their request is done.
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
