package http1

import (
	"context"
	"sync/atomic"

	"gatelodge.dev/proxy/exchange"
)

// conn is a client's connection. It is small, because most connections are idle
// most of the time: the state of a request is in a request, which exists only
// from its first byte to the last byte of its response.
type conn struct {
	server       *Server
	info         *exchange.Conn
	ctx          context.Context
	phase        atomic.Int32
	cancellation exchange.Cancellation
	bc           bufConn

	served    bool // a request was read
	tunnelled bool // and became a tunnel, whose goroutines may still be running
}

// The phases of a connection. Only an idle one may be closed by Drain.
const (
	fresh    int32 = iota // no request yet
	idle                  // between two requests
	active                // a request is being served
	over                  // closed by Drain
	hijacked              // a tunnel, or taken over by the engine of HTTP/2
)

// serve serves the requests of a connection until it ends.
func (c *conn) serve() {
	for c.await() && c.next() {
	}
}

// await waits for the first byte of a request, and reports whether there is one.
// The first request has to come within the time for a head, so that no client
// holds a connection without ever using it.
func (c *conn) await() bool {
	if c.bc.buffered() > 0 {
		return true
	}
	if c.phase.Load() == fresh {
		defer c.phase.Store(active)
		return c.bc.fillIdle(c.server.Settings().Timeouts.Header) == nil
	}
	c.phase.Store(idle)
	if c.server.draining.Load() {
		return false
	}
	return c.bc.fillNext(c.server.Settings().Timeouts.Idle) == nil && c.phase.CompareAndSwap(idle, active)
}

// next serves one request and reports whether there may be another.
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
