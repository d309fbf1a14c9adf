package http2

import (
	"context"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// Server is the server side of HTTP/2. Handler and Settings are required, and no field
// may change after the first call of ServeConn.
type Server struct {
	Handler exchange.Handler

	// Settings returns the current timeouts and limits, once for every request. A
	// client gets the Limits.HeaderBytes and Limits.Streams of the time when it
	// connects.
	Settings func() *gatelodge.Settings

	// Log is for faults of the program, not of a peer. Nil drops them.
	Log *slog.Logger

	// Refused, if set, is called for each request that is answered before Handler,
	// because its head is not valid: with the status, and an error that wraps
	// exchange.ErrClient.
	Refused func(c *exchange.Conn, status int, err error)

	leaving  atomic.Bool // connections accept no other request after the next answer
	date     wire.Date
	requests sync.Pool // of *request
	workers  workers

	mu       sync.Mutex
	conns    map[*conn]struct{}
	draining bool
}

// ServeConn serves the requests of a connection, TCP or TLS after its handshake, and
// returns when the connection has ended and none of its handlers is running. read
// contains bytes that were already read from it. ctx is the Context of its exchanges.
// ctx does not end the connection; Drain and Close do.
func (s *Server) ServeConn(ctx context.Context, nc net.Conn, info *exchange.Conn, read []byte) {
	c := &conn{server: s, info: info, ctx: ctx, idleSince: time.Now()}
	c.link.init(c, nc, s.Settings, read, windowOfServerConnection)
	defer s.remove(c)
	c.serve()
}

// Leave lets every connection end after its next answer, which comes with a GOAWAY. It
// ends none itself, and new ones are served.
func (s *Server) Leave() { s.leaving.Store(true) }

// Drain sends all clients a GOAWAY, so that they send no other request. Requests that
// they send before they read it are answered. Drain does not wait.
func (s *Server) Drain() {
	s.Leave()
	s.each(func(c *conn) {
		c.goAway()
		c.link.flushLater()
	})
}

// Active returns the number of connections with a request in progress, a request that
// may still come after a Drain, or an answer that is not completely sent. Tunnels are
// not counted.
func (s *Server) Active() int {
	n := 0
	s.each(func(c *conn) {
		l := &c.link
		if l.err == nil && (!c.final || len(l.streams) > c.tunnels || len(l.out.b) > 0 || l.out.flushing) {
			n++
		}
	})
	return n
}

// CloseRequests ends all requests except tunnels at once, and the connections without
// any. It does not wait for their ServeConn to return.
func (s *Server) CloseRequests() {
	s.each(func(c *conn) {
		if c.tunnels == 0 && !c.link.closing {
			c.link.fail(net.ErrClosed)
			return
		}
		for _, st := range c.link.streams {
			if st.owner.(*request).response.tunnel == nil {
				_ = c.link.reset(st.id, codeCancel, net.ErrClosed) // fails for what a peer does
			}
		}
		c.link.flushLater()
	})
}

// Close ends all connections at once, tunnels included. It does not wait for
// their ServeConn to return.
func (s *Server) Close() {
	s.Drain()
	s.each(func(c *conn) { c.link.fail(net.ErrClosed) })
}

// each calls f for every connection, with its lock held. From then on new connections
// are closed.
func (s *Server) each(f func(*conn)) {
	s.mu.Lock()
	s.draining = s.leaving.Load()
	conns := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	for _, c := range conns {
		c.link.mu.Lock()
		f(c)
		c.link.mu.Unlock()
	}
}

// add reports whether the server is draining.
func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		s.conns = make(map[*conn]struct{})
	}
	s.conns[c] = struct{}{}
	return s.draining
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// handle runs the handler; a panic ends only its request.
func (s *Server) handle(x *exchange.Exchange) (err error) {
	defer func() {
		if failure := recover(); failure != nil {
			s.log().Error("the handler of a request panicked", "client", x.Conn.Peer, "panic", failure, "stack", string(debug.Stack()))
			err = errPanicked
		}
	}()
	return s.Handler(x)
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}
