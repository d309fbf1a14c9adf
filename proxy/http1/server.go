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

// Server is the server side of HTTP/1.1. Handler and Settings have to be set,
// and no field changes once ServeConn has been called.
type Server struct {
	Handler exchange.Handler

	// Settings gives the timeouts and limits of the moment. It is asked once
	// for every request.
	Settings func() *gatelodge.Settings

	// Log is told of what is wrong with the program, not with a peer. Nil
	// drops it.
	Log *slog.Logger

	// Refused, if set, is told of each request that was answered before
	// Handler, because its head can't be read or took too long: the status,
	// and an error that wraps exchange.ErrClient.
	Refused func(c *exchange.Conn, status int, err error)

	// HTTP2, if set, takes over a connection in clear text that begins with the
	// preface of HTTP/2 (RFC 9113 §3.4), with the bytes read from it so far.
	// The connection is closed when it returns. Without it the preface is
	// answered with 505.
	HTTP2 func(ctx context.Context, c net.Conn, info *exchange.Conn, read []byte)

	leaving  atomic.Bool // responses announce the end of their connection
	draining atomic.Bool // and idle connections have none to wait for
	date     wire.Date
	requests sync.Pool // of *request

	mu    sync.Mutex
	conns map[*conn]struct{}
}

// ServeConn serves the requests of a connection, TCP or TLS after its
// handshake, one after the other, and returns when the connection has ended.
// ctx is the Context of its exchanges. It does not end the connection: Drain
// and Close do.
func (s *Server) ServeConn(ctx context.Context, nc net.Conn, info *exchange.Conn) {
	c := &conn{server: s, info: info, ctx: ctx}
	c.s.init(nc)
	c.gone.Look = c.s.hungUp
	s.add(c)
	defer func() {
		if failure := recover(); failure != nil {
			s.log().Error("the handler of a request panicked", "client", info.Peer, "panic", failure, "stack", string(debug.Stack()))
		}
		s.remove(c)
		if c.tunnelled {
			nc.Close()
		} else {
			c.s.close()
		}
	}()
	c.serve()
}

// Leave lets every response from now on announce the end of its connection. It
// ends none itself: a client that is about to send a request on an idle
// connection would lose it.
func (s *Server) Leave() { s.leaving.Store(true) }

// Drain is Leave, and ends at once the connections that wait for another
// request. One that has not sent its first request yet may still do so. Drain
// does not wait.
func (s *Server) Drain() {
	s.Leave()
	s.draining.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.phase.CompareAndSwap(idle, over) {
			c.s.conn.Close()
		}
	}
}

// Active is how many connections have a request under way, or an answer that is
// not all sent yet. Tunnels are not counted.
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

// CloseRequests ends all connections at once that are no tunnels, whatever is
// under way on them. It does not wait for their ServeConn to return.
func (s *Server) CloseRequests() {
	s.Drain()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.phase.Load() != handed {
			c.s.conn.Close()
			c.gone.Signal()
		}
	}
}

// Close ends all connections at once, tunnels included. It does not wait for
// their ServeConn to return.
func (s *Server) Close() {
	s.Drain()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.s.conn.Close()
		c.gone.Signal()
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
