package http1

import (
	"context"
	"sync/atomic"

	"gatelodge.dev/proxy/exchange"
)

// conn is a client's connection. It stays small, since most connections are
// idle most of the time: what a request needs is in a request, which is there
// only from its first byte to the last byte of its answer.
type conn struct {
	server *Server
	info   *exchange.Conn
	ctx    context.Context
	phase  atomic.Int32
	gone   exchange.Gone
	s      stream

	served    bool // a request was read
	tunnelled bool // and became a tunnel, with goroutines that may not be gone yet
}

// The phases of a connection. Only an idle one may be closed by Drain.
const (
	fresh  int32 = iota // no request yet
	idle                // between two requests
	active              // a request is served
	over                // closed by Drain
	handed              // a tunnel
)

// serve is the life of a connection.
func (c *conn) serve() {
	for c.await() && c.next() {
	}
}

// await waits for the first byte of a request, and tells whether there is one.
// A new connection has as long as a head may take, so that nobody holds one
// without ever using it.
func (c *conn) await() bool {
	if c.s.buffered() > 0 {
		return true
	}
	if c.phase.Load() == fresh {
		defer c.phase.Store(active)
		return c.s.fillIdle(c.server.Settings().Timeouts.Header) == nil
	}
	c.phase.Store(idle)
	if c.server.draining.Load() {
		return false
	}
	return c.s.fillNext(c.server.Settings().Timeouts.Idle) == nil && c.phase.CompareAndSwap(idle, active)
}

// next serves one request and tells whether there may be another.
func (c *conn) next() bool {
	r := c.takeRequest()
	again := c.serveRequest(r)
	if !c.tunnelled {
		c.giveRequest(r)
	}
	return again
}

func (c *conn) serveRequest(r *request) bool {
	settings := c.server.Settings()
	if err := r.read(settings); err != nil {
		if c.server.HTTP2 != nil && c.isHTTP2(r) {
			c.handOver(r)
		} else {
			c.refuse(r, err)
		}
		return false
	}
	c.served = true
	return r.end(c.server.Handler(&r.ex))
}
