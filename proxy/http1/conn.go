package http1

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	gatelodge "gatelodge.dev"
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
	served bool // a request was read
	s      stream
}

// The phases of a connection. Only an idle one may be closed by Drain.
const (
	fresh  int32 = iota // no request yet
	idle                // between two requests
	active              // a request is served
	over                // closed by Drain
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
	return c.s.fillIdle(c.server.Settings().Timeouts.Idle) == nil && c.phase.CompareAndSwap(idle, active)
}

// next serves one request and tells whether there may be another.
func (c *conn) next() bool {
	r := c.takeRequest()
	settings := c.server.Settings()
	if err := r.read(settings); err != nil {
		if c.server.HTTP2 != nil && c.isHTTP2(r) {
			c.handOver(r)
			return false
		}
		c.refuse(r, settings, err)
		return false
	}
	c.served = true
	again := r.end(c.server.Handler(&r.ex))
	c.giveRequest(r)
	return again
}

// request is what one request and its answer need. Strings of the exchange
// point into raw.
type request struct {
	c        *conn
	ex       exchange.Exchange
	raw      []byte
	head     head
	body     requestBody
	response response
}

func (c *conn) takeRequest() *request {
	r, _ := c.server.requests.Get().(*request)
	if r == nil {
		r = &request{}
	}
	r.c = c
	r.head.reset()
	r.response = response{c: c, ex: &r.ex, left: -1}
	r.ex = exchange.Exchange{
		Context:  c.ctx,
		Conn:     c.info,
		Client:   c.info.Peer,
		Body:     &r.body,
		Response: &r.response,
	}
	return r
}

func (c *conn) giveRequest(r *request) {
	if cap(r.raw) > keptHead {
		r.raw, r.head = nil, head{}
	}
	r.body.reset()
	r.response = response{}
	r.ex = exchange.Exchange{}
	r.c = nil
	c.server.requests.Put(r)
}

// read reads the head of the request and gets its body ready.
func (r *request) read(settings *gatelodge.Settings) error {
	s, timeouts, limits := &r.c.s, &settings.Timeouts, &settings.Limits
	limit := bounds{limits.HeaderBytes, limits.Headers}
	r.response.send = timeouts.Send
	var err error
	r.raw, err = s.section(r.raw[:0], limit, timeouts.Header, false)
	if err == nil && len(r.raw) == 2 { // one empty line before a request is forgiven (RFC 9112 §2.2)
		r.raw, err = s.section(r.raw[:0], limit, timeouts.Header, false)
	}
	if err == nil {
		err = parseRequest(&r.ex, &r.head, r.raw, limit.fields, r.c.info.TLS != nil)
	}
	if err != nil {
		return err
	}
	how := sized
	switch r.ex.Length {
	case 0:
		how = none
	case -1:
		how = chunked
	}
	r.body.begin(s, how, r.ex.Length, timeouts.Body, limit)
	r.body.ex, r.body.response = &r.ex, &r.response
	r.ex.Waits = r.ex.Waits && s.buffered() == 0
	r.response.continued = !r.ex.Waits
	r.response.close = r.head.close || r.ex.Version == exchange.HTTP10 && !r.head.keepAlive
	return nil
}

// How much of a request that nobody wants is read all the same, so that the
// client gets to read the answer: closing a connection with unread bytes in it
// resets it, and may take the answer away (RFC 9112 §9.6).
const (
	maxDiscard    = 256 << 10
	discardPeriod = 2 * time.Second
)

// end completes the answer once the handler has returned err, and tells
// whether the connection can take another request.
func (r *request) end(err error) bool {
	s, res := &r.c.s, &r.response
	if res.tunnel != nil {
		res.tunnel.Close()
		return false
	}
	if !res.begun {
		if errors.Is(err, exchange.ErrClient) {
			return false
		}
		r.c.server.log().Error("a request was not answered by its handler", "host", r.ex.Authority, "path", r.ex.Path, "error", err)
		err = res.Head(500, nil, 0)
	}
	if err != nil || !res.finish() {
		r.breakOff()
		return false
	}
	if r.body.how != none {
		s.resume()
	}
	if res.close {
		if !r.body.complete() || s.buffered() > 0 {
			s.linger()
		}
		return false
	}
	if !r.body.discard() {
		s.linger()
		return false
	}
	return true
}

// breakOff lets the client know that the answer is not whole. Where the end of
// the connection would end the body, it has to be a reset.
func (r *request) breakOff() {
	if r.response.failed == nil {
		r.response.Flush() // what came of the answer; if it can't be sent, it is broken off all the same
	}
	if r.response.delimits {
		r.c.s.reset()
	}
}

// discard reads the rest of a body, within bounds, and tells whether the next
// request can follow.
func (b *body) discard() bool {
	if b.complete() {
		return true
	}
	if b.s.armRead(discardPeriod) != nil {
		return false
	}
	b.timeout = keep
	for n := 0; n < maxDiscard; {
		p, err := b.next()
		if err != nil {
			return b.complete()
		}
		n += len(p)
	}
	return b.complete()
}

// refuse answers a request whose head can't be read, and is for the last thing
// on a connection: where the next request begins, nobody knows.
func (c *conn) refuse(r *request, settings *gatelodge.Settings, err error) {
	status := 0
	if bad := (*malformed)(nil); errors.As(err, &bad) {
		status = bad.status
	} else if errors.Is(err, os.ErrDeadlineExceeded) && len(r.raw) > 0 {
		status = 408
	} else {
		return // the client is gone
	}
	err = blame(exchange.ErrClient, "reading a request", err)
	if c.server.Refused != nil {
		c.server.Refused(c.info, status, err)
	}
	text := fmt.Sprintf("%d %s\n", status, reason(status))
	r.ex.Method, r.ex.Version = "", exchange.HTTP11
	r.response.close = true
	r.response.Head(status, exchange.Fields{{Name: "content-type", Value: "text/plain; charset=utf-8"}}, int64(len(text)))
	r.response.Write([]byte(text))
	if r.response.finish() {
		c.s.linger()
	}
}

// isHTTP2 tells whether the first thing on the connection is the preface of
// HTTP/2, which was chosen to be a malformed request of HTTP/1.1.
func (c *conn) isHTTP2(r *request) bool {
	return !c.served && c.info.TLS == nil && bytes.Equal(r.raw, []byte("PRI * HTTP/2.0\r\n\r\n"))
}

func (c *conn) handOver(r *request) {
	read := append(r.raw[:len(r.raw):len(r.raw)], c.s.take(bufferSize)...)
	c.s.release()
	if c.s.armRead(0) == nil && c.s.out.arm(0) == nil {
		c.server.HTTP2(c.ctx, c.s.conn, c.info, read)
	}
}
