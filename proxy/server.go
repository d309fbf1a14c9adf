package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/coding"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/spool"
	"gatelodge.dev/proxy/tracing"
)

// Config configures a Server.
type Config struct {
	Log        *slog.Logger
	Registerer prometheus.Registerer // for the proxy's metrics
	AccessLog  io.Writer             // one JSON line for each request; nil: none
	Identity   string                // of this replica, in spans
	TLS        *tls.Config           // from package tls; nil: HTTPS listeners can't be opened
	Sockets    gatelodge.Sockets     // nil: sockets are not passed between processes
}

// Server is the proxy: its listeners, and the table that it compiled from the live
// Snapshot.
type Server struct {
	config      Config
	table       *gatelodge.Table[*table]
	upstreams   *upstreams
	changes     changes // collected by compile for the published of the same Swap
	metrics     *metrics
	credentials *credentials
	clients     *clientTable
	verdicts    *verdicts
	asking      asking
	mirrors     *mirrors
	log         *accessLog
	spans       *tracing.Sender
	work        work
	requests    sync.Pool // of *request
	encoders    coding.Pool
	buffers     spool.Store

	mu        sync.Mutex // guards the fields below
	listeners []*listener
	serving   bool // Serve has been called
	draining  bool // Drain has been called
}

// New returns a server for the snapshots of live. It must be called before live's
// first Swap, and only once for each Registerer, with which it registers its
// metrics.
func New(live *gatelodge.Live, cfg Config) *Server {
	s := &Server{config: cfg, metrics: newMetrics(cfg.Registerer), credentials: newCredentials(), clients: newClientTable(), verdicts: newVerdicts(), mirrors: newMirrors()}
	s.showMemory(cfg.Registerer)
	s.work.tunnels = make(map[exchange.Tunnel]struct{})
	s.work.changed = gatelodge.NewSignal()
	s.log = newAccessLog(cfg.AccessLog, cfg.Log, s.metrics.logDropped)
	s.spans = tracing.NewSender(cfg.Identity, cfg.Registerer, cfg.Log)
	s.upstreams = &upstreams{settings: s.settings, random: rand.Uint64, log: cfg.Log, byKey: make(map[gatelodge.BackendKey]*upstream)}
	s.upstreams.connect = s.upstreams.engine
	s.table = gatelodge.NewTable(live, s.compile, s.published)
	return s
}

// settings returns the current settings.
func (s *Server) settings() *gatelodge.Settings {
	return s.table.Load().settings
}

// Listen opens an HTTP or HTTPS listener for Serve. It must be called after the
// first Swap and before Serve.
func (s *Server) Listen(l gatelodge.Listener) error {
	var secure *tls.Config
	switch l.Protocol {
	case gatelodge.HTTP:
	case gatelodge.HTTPS:
		if secure = s.config.TLS; secure == nil {
			return fmt.Errorf("listener %s: HTTPS without a TLS configuration", l.Name)
		}
	default:
		return fmt.Errorf("listener %s: protocol %s, expected HTTP or HTTPS", l.Name, l.Protocol)
	}
	if s.table.Load() == nil {
		return fmt.Errorf("listener %s: there is no snapshot to serve yet", l.Name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serving {
		return fmt.Errorf("listener %s: opened after Serve", l.Name)
	}
	sockets, err := s.config.Sockets.Open(l, func() ([]syscall.Conn, error) {
		config := listenConfig()
		socket, err := config.Listen(context.Background(), "tcp", l.Address)
		if err != nil {
			return nil, err
		}
		return []syscall.Conn{socket.(*net.TCPListener)}, nil
	})
	if err != nil {
		return fmt.Errorf("listener %s: %w", l.Name, err)
	}
	s.listeners = append(s.listeners, s.newListener(l, sockets[0].(*net.TCPListener), secure))
	return nil
}

// Addr returns the address of the listener with this name, or the zero AddrPort.
func (s *Server) Addr(name string) netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.listeners {
		if l.Name == name {
			return l.accept.Addr().(*net.TCPAddr).AddrPort()
		}
	}
	return netip.AddrPort{}
}

// Serve serves the open listeners until Drain is called, and then returns nil,
// possibly before Drain has returned. It must be called only once.
func (s *Server) Serve() error {
	s.mu.Lock()
	s.serving = true
	listeners, draining := s.listeners, s.draining
	if !draining && s.config.AccessLog != nil {
		go s.log.run()
	}
	s.mu.Unlock()
	if draining {
		return nil
	}

	ended := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { ended <- l.serve() }()
	}
	var errs []error
	for range listeners {
		if err := <-ended; err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
