package nethttp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// Options say how a Server serves. None may be nil but TLS.
type Options struct {
	Listener *gatelodge.Listener
	TLS      *tls.Config                // nil: clear text, with HTTP/2 by prior knowledge
	Settings func() *gatelodge.Settings // those of now; never nil
	Handler  exchange.Handler
	Log      *slog.Logger
}

// Server serves HTTP/1.1 and HTTP/2 on one listener.
type Server struct {
	options Options
	server  http.Server
	streams sync.Pool // of *stream
}

// NewServer returns a server with the timeouts and limits of now. The header
// and idle timeouts, Limits.HeaderBytes and Limits.Streams stay as they are at
// this moment, for net/http takes them once; all others follow the settings.
func NewServer(o Options) *Server {
	s := &Server{options: o}
	settings := o.Settings()
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(o.TLS != nil)
	protocols.SetUnencryptedHTTP2(o.TLS == nil)
	s.server = http.Server{
		Handler:                      http.HandlerFunc(s.serve),
		Protocols:                    &protocols,
		ReadHeaderTimeout:            settings.Timeouts.Header,
		IdleTimeout:                  settings.Timeouts.Idle,
		MaxHeaderBytes:               settings.Limits.HeaderBytes,
		ConnContext:                  s.connContext,
		ErrorLog:                     slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		DisableGeneralOptionsHandler: true,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: settings.Limits.Streams,
			WriteByteTimeout:     settings.Timeouts.Send,
		},
	}
	return s
}

// Serve accepts connections on l until Drain or Close, and then returns nil.
func (s *Server) Serve(l net.Listener) error {
	if s.options.TLS != nil {
		l = tls.NewListener(l, s.options.TLS)
	}
	if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// Drain stops accepting, tells clients by GOAWAY or Connection: close that
// their connection ends, and returns when no request is left; tunnels are not
// waited for. If ctx ends first, it breaks off what is left and returns the
// context's error.
func (s *Server) Drain(ctx context.Context) error {
	err := s.server.Shutdown(ctx)
	if err != nil {
		_ = s.server.Close() // its error is of a listener that is closed already
	}
	return err
}

// conn is what is known of one connection.
type conn struct {
	exchange.Conn
	tls       exchange.TLS
	handshake gatelodge.Handshake
	complete  sync.Once
}

type connKey struct{}

// connContext is called before the TLS handshake, which runs under the context
// returned: package tls finds there where to say what it showed.
func (s *Server) connContext(ctx context.Context, c net.Conn) context.Context {
	state := &conn{}
	state.Listener = s.options.Listener
	state.Peer = addrPort(c.RemoteAddr())
	state.Local = addrPort(c.LocalAddr())
	if s.options.TLS != nil {
		ctx = gatelodge.WithHandshake(ctx, &state.handshake)
	}
	return context.WithValue(ctx, connKey{}, state)
}

// connOf returns the connection of r, whose TLS part is filled in on its first
// request: only then is the handshake known to be over.
func connOf(r *http.Request) *exchange.Conn {
	state := r.Context().Value(connKey{}).(*conn)
	state.complete.Do(func() {
		if r.TLS == nil {
			return
		}
		state.tls = exchange.TLS{ServerName: r.TLS.ServerName, Version: r.TLS.Version, Handshake: &state.handshake}
		state.TLS = &state.tls
	})
	return &state.Conn
}

func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
