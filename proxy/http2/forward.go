package http2

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// forward is one request to an endpoint, and its answer.
type forward struct {
	c        *Client
	ex       *exchange.Exchange
	timeouts gatelodge.Timeouts

	ec       *endpointConn
	st       stream
	received int64 // bytes that the connection had read before
	upgrade  bool  // it is sent as an extended CONNECT
	memory   *wire.Buffer
	small    []byte          // the whole body, in memory, if whole
	after    exchange.Fields // and its trailers
	whole    bool
	upload   *upload
	slow     bool // see takesTime

	// Under the link's lock.
	answers  []answer // received heads
	looked   int      // number of them that the worker has handled
	final    bool     // the last of them is a final answer
	trailers exchange.Fields
	sending  bool // the upload is not done, so the endpoint need not answer yet
}

func (c *Client) takeForward(ex *exchange.Exchange) *forward {
	f, _ := c.forwards.Get().(*forward)
	if f == nil {
		f = new(forward)
		f.st.owner = f
	}
	f.c, f.ex, f.timeouts = c, ex, c.opts.Settings().Timeouts
	if ex.Timeouts != nil {
		f.timeouts = *ex.Timeouts
	}
	return f
}

func (c *Client) giveForward(f *forward) {
	answers := f.answers[:min(cap(f.answers), 1)]
	for i := range answers {
		clear(answers[i].fields)
	}
	clear(f.trailers)
	if f.memory != nil {
		wire.GiveBuffer(f.memory)
	}
	f.c, f.ex, f.ec, f.memory, f.upload = nil, nil, nil, nil, nil
	f.small, f.after, f.whole, f.slow = nil, nil, false, false
	f.answers, f.trailers = answers[:0], f.trailers[:0]
	f.looked, f.final, f.sending = 0, false, false
	c.forwards.Put(f)
}

// run forwards over a connection with room, and over another if that one has ended
// before anything was sent.
func (f *forward) run() error {
	if err := f.readSmall(); err != nil {
		return err
	}
	for {
		ec, err := f.c.take(f.ex.Context, f.timeouts.Connect, f.ex.Upgrade != "")
		if err != nil {
			return err
		}
		f.ec = ec
		err = f.attempt()
		f.c.release(ec)
		if err != errGone {
			return err
		}
	}
}

// readSmall reads a body that has arrived already, to send it together with the head.
// Any other is sent by a separate goroutine, so that an answer before its end is passed
// on.
func (f *forward) readSmall() error {
	ex := f.ex
	if ex.Length == 0 {
		f.whole = true
		return nil
	}
	if n, whole := exchange.Buffered(ex.Body); !whole || n > maxFrame || ex.ExpectsContinue {
		return nil
	}
	f.memory = wire.TakeBuffer()
	n := 0
	for n < len(f.memory) {
		read, err := ex.Body.Read(f.memory[n:])
		n += read
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if ex.Length >= 0 && int64(n) != ex.Length {
		return fmt.Errorf("%w: a body of %d bytes, where %d were announced", exchange.ErrClient, n, ex.Length)
	}
	f.small, f.whole = f.memory[:n], true
	f.after = trailersOf(ex)
	return nil
}

// trailersOf returns the trailers of a request that was read to its end. They
// may be dropped (RFC 9110 §6.5.1).
func trailersOf(ex *exchange.Exchange) exchange.Fields {
	trailers := ex.Body.Trailers()
	if wire.CheckFields(trailers) != nil {
		return nil
	}
	return trailers
}

// attempt sends the request and passes on the answer.
func (f *forward) attempt() error {
	if !f.open() {
		return errGone
	}
	f.ex.Cancellation.Watch(f)
	if f.upload != nil && !f.ex.ExpectsContinue {
		f.upload.start()
	}
	err := f.answer()
	if f.upload != nil {
		err = f.upload.end(err)
	}
	f.ex.Cancellation.Watch(nil)
	return f.leave(err)
}

// Close ends the request after its client has disconnected.
func (f *forward) Close() error {
	l := &f.ec.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.st.broken == nil {
		_ = l.reset(f.st.id, codeCancel, errStopped) // fails for what clients do
		l.flushLater()
	}
	return nil
}

// open opens a stream and sends the request, or as much of it as is possible now. It
// reports whether the connection accepted it.
func (f *forward) open() bool {
	l := &f.ec.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead() != nil || f.ec.retired {
		return false
	}
	id := l.highest + 2
	if l.highest == 0 {
		id = 1
	}
	if id > maxWindow { // RFC 9113 §5.1.1: there are no more
		f.ec.retire()
		return false
	}
	l.highest = id
	f.st.open(l, id, initialWindowOfClient)
	f.received = l.received
	f.upgrade = f.ex.Upgrade != "" && f.ex.Length == 0 && l.peer.connects
	f.st.head(false, f.appendHead)
	switch {
	case f.upgrade:
	case f.whole && int64(len(f.small)) <= min(f.st.sendWindow, l.sendWindow):
		if len(f.small) > 0 {
			f.st.appendData(f.small)
		}
		f.st.finish(f.after)
	default:
		f.upload = &upload{f: f, done: make(chan struct{})}
		f.sending = true
	}
	l.flush()
	return true
}

// appendHead writes the head of the request (RFC 9113 §8.3.1).
func (f *forward) appendHead(b []byte) []byte {
	ex := f.ex
	if f.st.id == 1 {
		b = append(b, noTable)
	}
	if f.upgrade {
		b = appendMethod(b, "CONNECT")
		b = appendField(b, ":protocol", ex.Upgrade)
	} else {
		b = appendMethod(b, ex.Method)
	}
	scheme := indexHTTP
	if f.ec.secure {
		scheme = indexHTTPS
	}
	b = appendIndexed(b, scheme)
	if ex.Path == "/" && ex.Query == "" {
		b = appendIndexed(b, indexRoot)
	} else {
		b = appendInt(b, literal, 4, indexPath)
		b = appendInt(b, 0, 7, len(ex.Path)+len(ex.Query))
		b = append(append(b, ex.Path...), ex.Query...)
	}
	authority := ex.Authority
	if authority == "" {
		authority = f.c.host
	}
	b = appendNamed(b, indexAuthority, authority)
	for i := range ex.Header {
		if name := ex.Header[i].Name; !f.upgrade || name != "sec-websocket-key" { // RFC 8441 §5
			b = appendField(b, name, ex.Header[i].Value)
		}
	}
	switch {
	case ex.Length > 0:
		b = appendLength(b, ex.Length)
	case ex.Length == 0 && (ex.Method == "POST" || ex.Method == "PUT" || ex.Method == "PATCH"):
		b = appendLength(b, 0) // RFC 9110 §8.6
	}
	if ex.ExpectsContinue {
		b = appendNamed(b, 35, "100-continue") // expect
	}
	return b
}

// answer passes on the endpoint's answer.
func (f *forward) answer() error {
	for {
		a, err := f.nextAnswer()
		switch {
		case err != nil:
			return unreadable(err)
		case a.status >= 200 && f.tunnels(a.status):
			return f.tunnel(a)
		case a.status >= 200:
			return f.relay(a)
		}
		if err := f.ex.Response.Interim(a.status, a.fields); err != nil {
			return err
		}
		if a.status == 100 && f.upload != nil {
			f.upload.start()
		}
	}
}

// nextAnswer waits for the next head. The timeout starts when the request is sent.
func (f *forward) nextAnswer() (answer, error) {
	st := &f.st
	st.l.mu.Lock()
	defer st.l.mu.Unlock()
	var until time.Time
	for f.looked == len(f.answers) {
		if st.broken != nil {
			return answer{}, st.broken
		}
		timeout := f.timeouts.Read
		if f.sending {
			timeout = 0
			if !f.upload.started {
				timeout = wire.ContinuePeriod
			} else if !until.IsZero() {
				until = time.Time{}
			}
		}
		if st.wait(&until, timeout) {
			continue
		}
		if f.sending && !f.upload.started { // the endpoint has not sent 100, and may not support it
			st.l.mu.Unlock()
			f.upload.start()
			st.l.mu.Lock()
			until = time.Time{}
			continue
		}
		if st.l.received == f.received { // no other request has received anything either
			f.ec.retire()
		}
		return answer{}, os.ErrDeadlineExceeded
	}
	f.looked++
	return f.answers[f.looked-1], nil
}

// unreadable returns the error for an endpoint whose answer is not valid or ends early.
func unreadable(err error) error {
	var broke *connError
	if wire.IsMalformed(err) || errors.As(err, &broke) {
		return fmt.Errorf("%w: the answer is malformed: %w", exchange.ErrBackend, err)
	}
	return wire.Blame(exchange.ErrBackend, "reading the answer", err)
}

// relay passes on a final response as it arrives: buffered parts are flushed before it
// waits for more.
func (f *forward) relay(a answer) error {
	to := f.ex.Response
	if a.length == 0 { // only trailers can follow, and 0 would exclude them
		if _, err := f.st.next(part{}, f.timeouts.Read); err != io.EOF {
			return unreadable(err)
		}
		if len(f.receivedTrailers()) > 0 {
			a.length = -1
		}
	}
	if err := to.Head(a.status, a.fields, a.length); err != nil {
		return err
	}
	var p part
	for {
		if !f.st.readable() {
			if err := to.Flush(); err != nil {
				return err
			}
		}
		var err error
		if p, err = f.st.next(p, f.timeouts.Read); err == io.EOF {
			break
		}
		if err != nil {
			return unreadable(err)
		}
		if _, err := to.Write(p.b); err != nil {
			return err
		}
	}
	return to.Trailers(f.receivedTrailers())
}

// receivedTrailers returns the trailers once the body has ended.
func (f *forward) receivedTrailers() exchange.Fields {
	f.st.l.mu.Lock()
	defer f.st.l.mu.Unlock()
	return f.trailers
}

// tunnels reports whether a status opens the requested tunnel.
func (f *forward) tunnels(status int) bool { return f.upgrade && status/100 == 2 }

// takesTime records that the endpoint may read slowly until the request has ended.
func (f *forward) takesTime() {
	f.st.l.mu.Lock()
	defer f.st.l.mu.Unlock()
	f.slow = true
	f.ec.slow++
	f.ec.limitSilence()
}

// tunnel joins client and endpoint after an extended CONNECT.
func (f *forward) tunnel(a answer) error {
	fields := a.fields
	if key := f.ex.Header.Get("sec-websocket-key"); key != "" && f.ex.Upgrade == "websocket" {
		fields.Add("sec-websocket-accept", wire.WebSocketAccept(key))
	}
	client, err := f.ex.Response.Tunnel(f.ex.Upgrade, fields)
	if err != nil {
		return err
	}
	f.ex.Cancellation.Watch(nil) // from here on the tunnel's owner ends it
	f.takesTime()
	var received, sent int64
	return wire.Join(client, &tunnel{st: &f.st, send: f.timeouts.Send, whom: exchange.ErrBackend, received: &received, sent: &sent})
}

// leave ends the stream after err, and adds to an endpoint's error whether it processed
// the request.
func (f *forward) leave(err error) error {
	if err != nil {
		if gone := f.ex.Cancellation.Err(); gone != nil {
			err = fmt.Errorf("%w: %v", gone, err)
		}
	}
	l, st := &f.ec.link, &f.st
	l.mu.Lock()
	defer l.mu.Unlock()
	if st.broken == nil && !(st.inEnded && st.outEnded) {
		_ = l.reset(st.id, codeCancel, errStopped) // fails for what clients do
		l.flushLater()
	}
	l.remove(st)
	if f.slow {
		f.ec.slow--
		f.ec.limitSilence()
	}
	f.ec.noteIdle()
	if err == nil || !errors.Is(err, exchange.ErrBackend) || len(f.answers) > 0 {
		return err
	}
	var reset *resetError
	unsent := l.err != nil && st.headAt > l.out.written
	switch {
	case errors.Is(err, errUnprocessed), errors.As(err, &reset) && reset.code == codeRefusedStream,
		unsent && st.id > 1: // it was a kept connection, which had ended
		return fmt.Errorf("%w: %w: %w", exchange.ErrUnprocessed, exchange.ErrUnsent, err)
	case unsent:
		return fmt.Errorf("%w: %w", exchange.ErrUnsent, err)
	}
	return err
}
