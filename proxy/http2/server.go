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

// Server is the server side of HTTP/2. Handler and Settings have to be set,
// and no field changes once ServeConn has been called.
type Server struct {
	Handler exchange.Handler

	// Settings gives the timeouts and limits of the moment. It is asked once
	// for every request. Limits.HeaderBytes and Limits.Streams are announced to
	// a client as they are when it connects.
	Settings func() *gatelodge.Settings

	// Log is told of what is wrong with the program, not with a peer. Nil
	// drops it.
	Log *slog.Logger

	// Refused, if set, is told of each request that was answered before
	// Handler, because its head can't be read: the status, and an error that
	// wraps exchange.ErrClient.
	Refused func(c *exchange.Conn, status int, err error)

	leaving  atomic.Bool // connections take no other request after the next answer
	date     wire.Date
	requests sync.Pool // of *request
	workers  workers

	mu       sync.Mutex
	conns    map[*conn]struct{}
	draining bool
}

// ServeConn serves the requests of a connection, TCP or TLS after its
// handshake, and returns when the connection has ended and no handler of it
// runs any more. read is what was read from it already. ctx is the Context of
// its exchanges. It does not end the connection: Drain and Close do.
func (s *Server) ServeConn(ctx context.Context, nc net.Conn, info *exchange.Conn, read []byte) {
	c := &conn{server: s, info: info, ctx: ctx, idleSince: time.Now()}
	c.link.init(c, nc, s.Settings, read, windowOfServerConnection)
	defer s.remove(c)
	c.serve()
}

// Leave has every connection end after its next answer, which comes with a
// GOAWAY. It ends none itself, and new ones are served.
func (s *Server) Leave() { s.leaving.Store(true) }

// Drain tells all clients by GOAWAY to send no other request. What they have
// sent by the time that they know is answered. Drain does not wait.
func (s *Server) Drain() {
	s.Leave()
	s.each(func(c *conn) {
		c.goAway()
		c.link.flushLater()
	})
}

// Active is how many connections have a request under way, or one that may
// still come after a Drain, or an answer that is not all sent yet. Tunnels are not counted.
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

// CloseRequests ends all requests at once that are no tunnels, and the
// connections that have none. It does not wait for their ServeConn to return.
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

// each calls f for every connection, with its lock held, and from then on new
// ones are told to go.
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

// handle runs the handler, of which a panic ends only its request.
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
