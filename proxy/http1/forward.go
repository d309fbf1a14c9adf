package http1

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// forward is one request to an endpoint and its response. Strings of the response
// point into raw.
type forward struct {
	c        *Client
	ex       *exchange.Exchange
	timeouts gatelodge.Timeouts
	limit    wire.Bounds

	ec          *endpointConn
	wrote, read int64 // bytes that the connection had written and read before
	upload      *upload
	key         string // of the WebSocket handshake, if we made it

	raw  []byte
	head head
	body body
}

func (c *Client) takeForward(ex *exchange.Exchange) *forward {
	f, _ := c.forwards.Get().(*forward)
	if f == nil {
		f = &forward{}
	}
	settings := c.opts.Settings()
	f.c, f.ex, f.timeouts = c, ex, settings.Timeouts
	if ex.Timeouts != nil {
		f.timeouts = *ex.Timeouts
	}
	f.limit = wire.Bounds{Bytes: settings.Limits.HeaderBytes, Fields: settings.Limits.Headers}
	return f
}

func (c *Client) giveForward(f *forward) {
	if cap(f.raw) > wire.KeptHead {
		f.raw, f.head = nil, head{}
	}
	f.body.reset()
	f.c, f.ex, f.ec, f.upload, f.key = nil, nil, nil, nil, ""
	c.forwards.Put(f)
}

// run forwards over the last used idle connection. If the endpoint has closed that,
// it tries the one used before, and at last a new one. Nothing was sent then, and
// the output moves to the next connection.
func (f *forward) run() error {
	for {
		ec, err := f.c.take(f.ex.Context, f.timeouts.Connect)
		if f.ec != nil {
			if err == nil {
				f.ec.bc.out.moveTo(&ec.bc.out)
			}
			f.ec.bc.close()
		}
		if err != nil {
			return err
		}
		f.ec, f.wrote, f.read = ec, ec.bc.out.wrote, ec.bc.read
		f.ex.Cancellation.Watch(ec)
		err = f.attempt()
		f.ex.Cancellation.Watch(nil)
		if ec.reused && errors.Is(err, errGone) && f.ex.Cancellation.Err() == nil {
			continue
		}
		if err == nil && f.reusable() {
			f.c.put(ec)
		} else {
			ec.bc.close()
		}
		return f.judge(err)
	}
}

func (f *forward) attempt() error {
	err := f.send()
	if err == nil {
		err = f.answer()
	}
	if f.upload != nil {
		err = f.upload.end(err)
	}
	return err
}

// send sends the request, or the part of it that can precede a response. A body
// that has already arrived is sent with the head; any other is sent by a separate
// goroutine, so that an early response is forwarded.
func (f *forward) send() error {
	ex, bc := f.ex, &f.ec.bc
	o := &bc.out
	if len(o.b) == 0 {
		o.grow()
		f.writeHead()
		if ex.Length != 0 && !f.takeBody() {
			return f.sendLater()
		}
	}
	return f.backend("sending the request", bc.ask(f.timeouts.Send, f.timeouts.Read))
}

// sendLater sends a body that has not arrived yet, with the head before it.
func (f *forward) sendLater() error {
	bc := &f.ec.bc
	if !bc.isQuiet() {
		bc.out.drop() // only a whole request may move to another connection
		return f.backend("sending the request", errGone)
	}
	f.upload = &upload{f: f, done: make(chan struct{})}
	if !f.ex.ExpectsContinue {
		f.upload.start()
		return nil
	}
	return f.backend("sending the request", bc.out.flush(f.timeouts.Send))
}

// takeBody appends the body to the head if all of it has arrived.
func (f *forward) takeBody() bool {
	o := &f.ec.bc.out
	room := int64(cap(o.b) - len(o.b))
	if n, whole := exchange.Buffered(f.ex.Body); !whole || n > room || f.ex.ExpectsContinue || f.ex.Length != n {
		return false
	}
	n := len(o.b)
	o.b = o.b[:n+int(f.ex.Length)]
	if _, err := io.ReadFull(f.ex.Body, o.b[n:]); err != nil {
		o.b = o.b[:n]
		return false
	}
	return true
}

// answer reads the response and forwards it.
func (f *forward) answer() error {
	for range wire.MaxInterim {
		status, err := f.readHead()
		switch {
		case err != nil:
			return err
		case status == 101:
			return f.tunnel()
		case status >= 200:
			return f.relay(status)
		}
		if err := f.ex.Response.Interim(status, f.head.fields); err != nil {
			return err
		}
		if status == 100 && f.upload != nil {
			f.upload.start()
		}
	}
	return f.malformed(wire.Badf("more than %d interim responses", wire.MaxInterim))
}

func (f *forward) readHead() (status int, err error) {
	bc := &f.ec.bc
	if f.upload != nil && !f.upload.started && bc.buffered() == 0 {
		if err := f.awaitContinue(); err != nil {
			return 0, err
		}
	}
	f.head.reset()
	f.raw, err = bc.section(f.raw[:0], f.limit, f.timeouts.Read, true)
	if err != nil {
		if wire.IsMalformed(err) {
			return 0, f.malformed(err)
		}
		return 0, f.backend("reading the answer", err)
	}
	status, err = parseResponse(&f.head, f.raw, f.limit.Fields)
	if err != nil {
		return 0, f.malformed(err)
	}
	return status, nil
}

// awaitContinue waits a while for the endpoint to ask for the body or to respond
// without it, and then starts to send it.
func (f *forward) awaitContinue() error {
	bc := &f.ec.bc
	err := bc.fill(wire.ContinuePeriod)
	if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return f.backend("reading the answer", err)
	}
	f.upload.start()
	return nil
}

// relay forwards a final response as it arrives: it flushes before it waits for
// more.
func (f *forward) relay(status int) error {
	to := f.ex.Response
	how, length := responseBody(&f.head, f.ex.Method, status)
	if status == 204 && (f.head.chunked || f.head.length > 0) {
		f.head.close = true // the endpoint may send a body although there must be none
	}
	f.body.begin(&f.ec.bc, how, length, f.timeouts.Read, f.limit)
	f.body.lenient, f.body.flusher = true, to
	if err := to.Head(status, f.head.fields, length); err != nil {
		return err
	}
	for {
		p, err := f.body.next()
		if err == io.EOF {
			break
		}
		if errors.Is(err, exchange.ErrClient) {
			return err
		}
		if err != nil {
			return f.backend("reading the answer", err)
		}
		if _, err := to.Write(p); err != nil {
			return err
		}
	}
	if trailers := f.body.Trailers(); len(trailers) > 0 {
		return to.Trailers(trailers)
	}
	return nil
}

// reusable reports whether the connection can be used for another request: the
// endpoint allows it, and has not sent more than this response, which the next
// client would get.
func (f *forward) reusable() bool {
	return !f.head.close && f.body.how != untilClose && f.body.complete() &&
		(f.upload == nil || f.upload.sent) && !f.ec.bc.holds()
}

// tunnel joins client and endpoint after a 101.
func (f *forward) tunnel() error {
	f.head.close = true
	if f.ex.Upgrade == "" || !f.head.upgrading || !strings.EqualFold(f.head.upgrade, f.ex.Upgrade) {
		return f.malformed(wire.Badf("a change to protocol %q, where %q was asked for", f.head.upgrade, f.ex.Upgrade))
	}
	if err := f.acceptWebSocket(); err != nil {
		return f.malformed(err)
	}
	if err := f.finishUpload(); err != nil {
		return err
	}
	client, err := f.ex.Response.Tunnel(f.head.upgrade, f.head.fields)
	if err != nil {
		return err
	}
	f.ex.Cancellation.Watch(nil) // from here on the owner of the tunnel closes it
	f.ec.takesTime()
	var received, sent int64
	return wire.Join(client, &tunnel{bc: &f.ec.bc, send: f.timeouts.Send, whom: exchange.ErrBackend, received: &received, sent: &sent})
}

// finishUpload waits until the body of a request is sent that changes the
// protocol: the other protocol begins behind it (RFC 9110 §7.8), so there is no
// doubt about what a byte belongs to.
func (f *forward) finishUpload() error {
	u := f.upload
	if u == nil {
		return nil
	}
	if !u.started {
		return f.malformed(wire.Badf("a change of protocol before the body was asked for"))
	}
	<-u.done
	if u.err != nil {
		return u.err
	}
	if !u.sent {
		return f.malformed(wire.Badf("a change of protocol, but the body was not taken"))
	}
	return nil
}

// backend wraps an error of the connection to the endpoint.
func (f *forward) backend(doing string, err error) error {
	if err == nil {
		return nil
	}
	return wire.Blame(exchange.ErrBackend, doing, err)
}

func (f *forward) malformed(err error) error {
	return fmt.Errorf("%w: the answer is malformed: %w", exchange.ErrBackend, err)
}

// judge wraps an error of the endpoint with what it means for the request, if no
// byte of a response arrived: it was not sent, or was lost on a reused connection.
func (f *forward) judge(err error) error {
	bc, gone := &f.ec.bc, error(nil)
	if err != nil {
		gone = f.ex.Cancellation.Err()
	}
	switch {
	case gone != nil:
		return fmt.Errorf("%w: %v", gone, err)
	case err == nil || !errors.Is(err, exchange.ErrBackend) || bc.read != f.read:
		return err
	case bc.out.wrote == f.wrote:
		return fmt.Errorf("%w: %w", exchange.ErrUnsent, err)
	case f.ec.reused && !errors.Is(err, exchange.ErrTimeout):
		return fmt.Errorf("%w: %w", ErrStale, err)
	}
	return err
}
