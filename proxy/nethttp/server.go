package nethttp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// Options say how a Server serves. None may be nil.
type Options struct {
	Settings func() *gatelodge.Settings // those of now; never nil
	Handler  exchange.Handler
	Log      *slog.Logger
}

// Server serves HTTP/2 on the connections that it is given.
type Server struct {
	options Options
	server  http.Server
	conns   handedConns
	leaving atomic.Bool
	streams sync.Pool // of *stream
}

// NewServer returns a server with the timeouts and limits of now.
// Timeouts.Idle, Limits.HeaderBytes and Limits.Streams stay as they are at this
// moment, for net/http takes them once; all others follow the settings.
func NewServer(o Options) *Server {
	s := &Server{options: o}
	s.conns.next = make(chan *handedConn)
	s.conns.closed = make(chan struct{})
	settings := o.Settings()
	// A connection comes after its TLS handshake, so to net/http all are in
	// clear text.
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	s.server = http.Server{
		Handler:                      http.HandlerFunc(s.serve),
		Protocols:                    &protocols,
		ReadHeaderTimeout:            settings.Timeouts.Header,
		IdleTimeout:                  settings.Timeouts.Idle,
		MaxHeaderBytes:               settings.Limits.HeaderBytes,
		ConnContext:                  connContext,
		ErrorLog:                     slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		DisableGeneralOptionsHandler: true,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: settings.Limits.Streams,
			WriteByteTimeout:     settings.Timeouts.Send,
		},
	}
	return s
}

// Serve serves the connections given to ServeConn until Drain or Close.
func (s *Server) Serve() {
	if err := s.server.Serve(&s.conns); !errors.Is(err, http.ErrServerClosed) {
		s.options.Log.Error("serving HTTP/2", "error", err)
	}
}

// ServeConn serves a connection until it has ended. read is what was read from
// it already.
func (s *Server) ServeConn(c net.Conn, info *exchange.Conn, read []byte) {
	handed := &handedConn{Conn: c, info: info, read: read, ended: make(chan struct{})}
	select {
	case s.conns.next <- handed:
		<-handed.ended
	case <-s.conns.closed:
		_ = c.Close() // nobody serves it any more
	}
}

// Leave has every response from now on tell its client by GOAWAY that the
// connection takes no other request. New connections are served.
func (s *Server) Leave() { s.leaving.Store(true) }

// Drain tells clients by GOAWAY that their connection ends, and returns when no
// request is left. If ctx ends first, it breaks off what is left.
func (s *Server) Drain(ctx context.Context) {
	if s.server.Shutdown(ctx) != nil {
		_ = s.server.Close() // it closes a listener that can't fail
	}
}

type connKey struct{}

// connContext gives the requests of a connection what is known of it.
func connContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c.(*handedConn).info)
}

func connOf(r *http.Request) *exchange.Conn {
	return r.Context().Value(connKey{}).(*exchange.Conn)
}
