package http2

import (
	"errors"
	"fmt"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// request is the state of one request and its answer.
type request struct {
	c            *conn
	st           stream
	ex           exchange.Exchange
	cancellation exchange.Cancellation
	fields       exchange.Fields
	trailers     exchange.Fields
	body         requestBody
	response     response
}

// spareFields is how many fields a handler can add before the list of a pooled
// request has to be allocated again.
const spareFields = 16

func (c *conn) takeRequest() *request {
	r, _ := c.server.requests.Get().(*request)
	if r == nil {
		r = new(request)
		r.st.owner = r
	}
	r.c = c
	return r
}

func (c *conn) giveRequest(r *request) {
	clear(r.fields)
	clear(r.trailers)
	r.fields, r.trailers = r.fields[:0], r.trailers[:0]
	r.c, r.ex, r.body, r.response = nil, exchange.Exchange{}, requestBody{}, response{}
	r.cancellation = exchange.Cancellation{}
	c.server.requests.Put(r)
}

// begin opens the stream and prepares an exchange without the parts from the head.
func (r *request) begin(id uint32, settings *gatelodge.Settings) {
	c := r.c
	r.st.open(&c.link, id, initialWindowOfStreams)
	r.body = requestBody{r: r, timeout: settings.Timeouts.Body}
	r.response = response{r: r, send: settings.Timeouts.Send, left: -1}
	r.ex = exchange.Exchange{
		Context:      c.ctx,
		Cancellation: &r.cancellation,
		Conn:         c.info,
		Client:       c.info.Peer,
		Version:      exchange.HTTP2,
		Scheme:       "http",
		Body:         &r.body,
		Response:     &r.response,
	}
	if c.info.TLS != nil {
		r.ex.Scheme = "https"
	}
}

// refuse answers a request with an invalid head. A malformed one is also reset (RFC
// 9113 §8.1.1).
func (c *conn) refuse(r *request, f frame, err error) error {
	status, code := 400, codeProtocol
	if bad := (*wire.Malformed)(nil); errors.As(err, &bad) && bad.Status != 400 {
		status, code = bad.Status, codeNo
	}
	err = wire.Blame(exchange.ErrClient, "reading a request", err)
	if c.server.Refused != nil {
		c.server.Refused(c.info, status, err)
	}
	l, st := &c.link, &r.st
	text := fmt.Sprintf("%d %s\n", status, wire.Reason(status))
	st.head(false, func(b []byte) []byte {
		b = appendStatus(b, status)
		b = appendField(b, "content-type", "text/plain; charset=utf-8")
		return appendField(b, "date", c.server.date.Now())
	})
	if r.ex.Method != "HEAD" && int64(len(text)) <= min(st.sendWindow, l.sendWindow) {
		st.appendData([]byte(text))
	}
	st.end()
	if !f.has(flagEndStream) || code == codeProtocol {
		l.resets.add(st.id)
		l.out.b = appendReset(l.out.b, st.id, code)
	}
	c.forget(r)
	return l.abuse.count(refusedHead)
}

// forget removes a request that was answered, or will not be.
func (c *conn) forget(r *request) {
	c.link.remove(&r.st)
	if len(c.link.streams) == 0 {
		c.idleSince = time.Now()
	}
	c.closeIfOver()
	c.giveRequest(r)
}

var errPanicked = errors.New("the handler panicked")

// serve runs the handler of a request and ends its response.
func (r *request) serve() {
	l, st := &r.c.link, &r.st
	l.mu.Lock()
	if r.ex.Length < 0 && st.inEnded && len(r.trailers) == 0 {
		r.ex.Length = int64(st.in.size)
		r.ex.ExpectsContinue = false
	}
	l.mu.Unlock()
	c := r.c
	err := c.server.handle(&r.ex)

	l.mu.Lock()
	r.end(err)
	c.forget(r)
	l.flush()
	l.mu.Unlock()
	c.handlers.Done()
}

// end completes the answer once the handler has returned err.
func (r *request) end(err error) {
	l, st, res := &r.c.link, &r.st, &r.response
	code := codeNo
	switch {
	case st.broken != nil || l.err != nil:
		return
	case res.tunnel != nil:
		r.c.tunnels--
		if st.inEnded && st.outEnded {
			return
		}
		code = codeCancel
	case !res.begun && errors.Is(err, exchange.ErrClient):
		code = codeCancel
	case !res.begun:
		r.c.server.log().Error("a request was not answered by its handler", "host", r.ex.Authority, "path", r.ex.Path, "error", err)
		res.begun = true
		st.head(true, func(b []byte) []byte { return appendStatus(b, 500) })
	case err != nil || res.left > 0 && !res.empty:
		code = codeInternal
	default:
		st.end()
	}
	if code != codeNo || !st.inEnded {
		_ = l.reset(st.id, code, errEnded) // fails only for a peer's mistake
	}
}
