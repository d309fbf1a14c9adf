package dnsserve

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/dnsserve/versions"
)

// Config are the optional settings of a Server.
type Config struct {
	Log        *slog.Logger          // nil: nothing is logged
	Registerer prometheus.Registerer // receives the metrics; nil: they are not exposed

	// Identity is the answer to clients that ask for it by NSID (RFC 5001); "": no
	// answer.
	Identity string

	// Certificate chooses the certificate of listeners of protocol DOT.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

	Sockets gatelodge.Sockets // nil: every listener opens its own
}

// Server answers DNS on the listeners of one process.
type Server struct {
	log     *slog.Logger
	cfg     Config
	table   *gatelodge.Table[*table]
	secrets atomic.Pointer[cookieSecrets]
	limiter *limiter
	queries *queryLog

	versions  *versions.Zones
	transfers *transfers
	notifier  *notifier

	workers atomic.Int64 // responders made so far
	serving sync.WaitGroup

	fail    sync.Once     // the first failure of a service ends Serve
	failed  chan struct{} // closed by it
	failure error         // set before

	mu        sync.Mutex
	listeners []*listener
	closing   bool
}

// New returns a Server for live. It must be called before the first Swap; until that,
// every query is answered with SERVFAIL.
func New(live *gatelodge.Live, cfg Config) *Server {
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Server{log: log, cfg: cfg, limiter: newLimiter(), queries: newQueryLog(log), failed: make(chan struct{})}
	s.UseCookieKeys(gatelodge.NewKeys())
	m, a := newMetrics(), newAuthorities(log)
	s.notifier = newNotifier(func() *table { return s.table.Load() }, log)
	s.versions = versions.New(nil, func(key versions.Key, v *versions.Version) {
		a.published(key, v)
		s.notifier.published(key, v)
	}, log)
	s.transfers = newTransfers(s.versions)
	c := &compiler{log: log, versions: s.versions, authorities: a, metrics: m}
	s.table = gatelodge.NewTable(live, c.compile, func(t *table) {
		m.forget(t)
		a.forget(t)
		s.transfers.counts.forget(t)
		s.notifier.forget(t)
		s.versions.Keep(t.hasZone)
	})
	m.table, m.transfers, m.notifier = s.table.Load, s.transfers, s.notifier
	if cfg.Registerer != nil {
		if err := cfg.Registerer.Register(m); err != nil {
			log.Error("the DNS metrics are not exposed", "error", err)
		}
	}
	return s
}

// newResponder returns a responder for a goroutine that serves these views.
func (s *Server) newResponder(views []string) *responder {
	return &responder{
		table:     s.table.Load,
		views:     views,
		identity:  s.cfg.Identity,
		secrets:   s.secrets.Load,
		limiter:   s.limiter,
		queries:   s.queries,
		transfers: s.transfers,
		part:      int(s.workers.Add(1)),
	}
}

// Serve answers on all listeners until Shutdown is finished, or until ctx is done,
// which closes connections at once. It returns nil then, and otherwise the error
// of a listener that failed.
func (s *Server) Serve(ctx context.Context) error {
	s.mu.Lock()
	listeners := s.listeners
	if s.closing {
		listeners = nil
	}
	for _, l := range listeners {
		for _, service := range l.services {
			s.run(service.serve)
		}
	}
	s.mu.Unlock()

	stopLog := s.queries.start()
	defer stopLog()
	stopNotifier := s.notifier.start()
	defer stopNotifier()
	ended := make(chan struct{})
	go func() {
		s.serving.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	case <-s.failed:
	}
	s.close()
	<-ended
	return s.failure
}

// run calls serve in a goroutine.
func (s *Server) run(serve func() error) {
	s.serving.Add(1)
	go func() {
		defer s.serving.Done()
		if err := serve(); err != nil {
			s.fail.Do(func() {
				s.failure = err
				close(s.failed)
			})
		}
	}()
}

// Shutdown stops accepting connections, answers the queries that have arrived and
// closes everything. If ctx is done first, it closes what is left and returns
// ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	listeners := s.listeners
	s.mu.Unlock()

	for _, l := range listeners {
		for _, service := range l.services {
			service.drain()
		}
	}
	ended := make(chan struct{})
	go func() {
		s.serving.Wait()
		close(ended)
	}()
	defer s.close()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("DNS queries are still being answered: %w", ctx.Err())
	}
}

// close closes all listeners and connections at once.
func (s *Server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for _, l := range s.listeners {
		for _, service := range l.services {
			service.close()
		}
	}
}

// zone returns a zone of a view as it is served now, or nil.
func (s *Server) zone(zoneName gatelodge.Name, view string) *zone {
	return s.table.Load().view(view).zone(zoneName)
}

// Serial returns the serial of a zone in a view. ok is false if there is no such zone
// or no serial yet.
func (s *Server) Serial(zoneName gatelodge.Name, view string) (serial uint32, ok bool) {
	z := s.zone(zoneName, view)
	if z == nil || !z.soa().known {
		return 0, false
	}
	return z.soa().serial, true
}

// UseStore keeps the serials of zones in a store, for all replicas and for the next
// process. It is called before the first Swap.
func (s *Server) UseStore(store gatelodge.Store) { s.versions.UseStore(store) }

// FollowSerials publishes zones with the serials that the leader stores, until ctx
// ends. Every replica calls it.
func (s *Server) FollowSerials(ctx context.Context) error { return s.versions.Follow(ctx) }

// LeadSerials stores a serial for each change of a zone, until ctx ends. Only the
// leader calls it.
func (s *Server) LeadSerials(ctx context.Context) { s.versions.Lead(ctx) }
