package http1

import (
	"context"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// Server is the server side of HTTP/1.1. Handler and Settings have to be set; don't
// change fields after the first ServeConn.
type Server struct {
	Handler exchange.Handler

	// Settings returns the current timeouts and limits. It is called once for every
	// request.
	Settings func() *gatelodge.Settings

	// Log is for errors of the program, not of peers. Nil drops them.
	Log *slog.Logger

	// Refused, if set, is called for each request that was answered without
	// Handler, because its head is invalid or took too long, with the status and an
	// error that wraps exchange.ErrClient.
	Refused func(c *exchange.Conn, status int, err error)

	// HTTP2, if set, takes over a clear-text connection that starts with the
	// preface of HTTP/2 (RFC 9113 §3.4), together with the bytes read so far. The
	// connection is closed when it returns. If nil, the preface is answered with 505.
	HTTP2 func(ctx context.Context, c net.Conn, info *exchange.Conn, read []byte)

	leaving  atomic.Bool // responses announce the end of their connection
	draining atomic.Bool // and idle connections end
	date     wire.Date
	requests sync.Pool // of *request

	mu    sync.Mutex
	conns map[*conn]struct{}
}

// ServeConn serves the requests of a connection, TCP or TLS after its handshake,
// and returns when the connection has ended. ctx is the Context of its exchanges.
// It does not end the connection: Drain and Close do.
func (s *Server) ServeConn(ctx context.Context, nc net.Conn, info *exchange.Conn) {
	c := &conn{server: s, info: info, ctx: ctx}
	c.bc.init(nc)
	c.cancellation.Look = c.bc.hungUp
	s.add(c)
	defer func() {
		if failure := recover(); failure != nil {
			s.log().Error("the handler of a request panicked", "client", info.Peer, "panic", failure, "stack", string(debug.Stack()))
		}
		s.remove(c)
		if c.tunnelled {
			nc.Close()
		} else {
			c.bc.close()
		}
	}()
	c.serve()
}

// Leave makes every response from now on announce the end of its connection. It
// closes none itself: a client that is about to send a request on an idle
// connection would lose it.
func (s *Server) Leave() { s.leaving.Store(true) }

// Drain does the same as Leave, and closes the connections that are idle between
// requests. A new connection may still send its first request. Drain does not wait.
func (s *Server) Drain() {
	s.Leave()
	s.draining.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.phase.CompareAndSwap(idle, over) {
			c.bc.conn.Close()
		}
	}
}

// Active returns how many connections have a request in progress or a response that
// is not sent completely. It does not count tunnels.
func (s *Server) Active() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for c := range s.conns {
		if c.phase.Load() == active {
			n++
		}
	}
	return n
}

// CloseRequests closes all connections at once except tunnels, even with requests
// in progress. It does not wait for their ServeConn to return.
func (s *Server) CloseRequests() {
	s.Drain()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.phase.Load() != hijacked {
			c.bc.conn.Close()
			c.cancellation.ClientGone()
		}
	}
}

// Close closes all connections at once, including tunnels. It does not wait for
// their ServeConn to return.
func (s *Server) Close() {
	s.Drain()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.bc.conn.Close()
		c.cancellation.ClientGone()
	}
}

func (s *Server) add(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		s.conns = make(map[*conn]struct{})
	}
	s.conns[c] = struct{}{}
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}
