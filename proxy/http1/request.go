package http1

import (
	"errors"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// request is the state of one request and its response. Strings of the exchange
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
	r.response = response{c: c, ex: &r.ex, request: &r.body.body, left: -1}
	r.ex = exchange.Exchange{
		Context:      c.ctx,
		Cancellation: &c.cancellation,
		Conn:         c.info,
		Client:       c.info.Peer,
		Body:         &r.body,
		Response:     &r.response,
	}
	return r
}

func (c *conn) giveRequest(r *request) {
	if cap(r.raw) > wire.KeptHead {
		r.raw, r.head = nil, head{}
	}
	r.body.reset()
	r.response = response{}
	r.ex = exchange.Exchange{}
	r.c = nil
	c.server.requests.Put(r)
}

// read reads the head of the request and prepares its body.
func (r *request) read(settings *gatelodge.Settings) error {
	bc, timeouts, limits := &r.c.bc, &settings.Timeouts, &settings.Limits
	limit := wire.Bounds{Bytes: limits.HeaderBytes, Fields: limits.Headers}
	r.response.send = timeouts.Send
	var err error
	r.raw, err = bc.section(r.raw[:0], limit, timeouts.Header, false)
	if err == nil && len(r.raw) == 2 { // one empty line before a request is ignored (RFC 9112 §2.2)
		r.raw, err = bc.section(r.raw[:0], limit, timeouts.Header, false)
	}
	if err == nil {
		err = parseRequest(&r.ex, &r.head, r.raw, limit.Fields, r.c.info.TLS != nil)
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
	r.body.begin(bc, how, r.ex.Length, timeouts.Body, limit)
	r.body.ex, r.body.response = &r.ex, &r.response
	r.ex.ExpectsContinue = r.ex.ExpectsContinue && bc.buffered() == 0
	r.response.continued = !r.ex.ExpectsContinue
	r.response.close = r.head.close || r.ex.Version == exchange.HTTP10 && !r.head.keepAlive
	return nil
}

// How much of an unwanted request is still read, so that the client can read the
// response: closing a connection with unread bytes resets it, and the client may
// lose the response (RFC 9112 §9.6).
const (
	maxDiscard    = 256 << 10
	discardPeriod = 2 * time.Second
)

// end completes the response after the handler has returned err, and reports
// whether the connection can be used for another request.
func (r *request) end(err error) bool {
	bc, res := &r.c.bc, &r.response
	if res.tunnel != nil {
		res.tunnel.Close()
		r.c.tunnelled = true
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
		r.abort()
		return false
	}
	r.body.Reopen()
	if res.close {
		if !r.body.complete() || bc.buffered() > 0 {
			bc.linger()
		}
		return false
	}
	if !r.body.discard() {
		bc.linger()
		return false
	}
	return true
}

// abort lets the client know that the response is incomplete. If the end of the
// connection ends the body, that has to be a reset.
func (r *request) abort() {
	if r.response.failed == nil {
		r.response.Flush() // what there is of the response; it is aborted even if that fails
	}
	if r.response.delimits {
		r.c.bc.reset()
	}
}

// discard reads the rest of a body, up to a limit, and reports whether another
// request can follow.
func (b *body) discard() bool {
	if b.complete() {
		return true
	}
	if b.bc.armRead(discardPeriod) != nil {
		return false
	}
	b.timeout = wire.Keep
	for n := 0; n < maxDiscard; {
		p, err := b.next()
		if err != nil {
			return b.complete()
		}
		n += len(p)
	}
	return b.complete()
}
