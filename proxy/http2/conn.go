package http2

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// conn is a client's connection. It is small, because most connections are idle most of
// the time: the state of a request is in a request.
type conn struct {
	server *Server
	info   *exchange.Conn
	ctx    context.Context
	link   link

	unserved     []*request     // read, but without a worker yet
	handlers     sync.WaitGroup // requests with a worker
	headingSince time.Time      // start of the head that is being read

	// Under the link's lock.
	served    bool      // there was at least one request
	idleSince time.Time // when the last stream ended, or the connection began
	tunnels   int       // streams that are tunnels
	goingAway bool      // the first GOAWAY was sent
	final     bool      // the final GOAWAY was sent
	finalBy   time.Time // the final GOAWAY is sent at the latest then
	last      uint32    // the last stream, if final
}

// serve runs the connection. This goroutine reads; workers do everything else.
func (c *conn) serve() {
	err := c.handshake()
	for err == nil {
		err = c.receive()
		if err == nil {
			err = c.fill()
		}
	}
	c.end(err)
	c.handlers.Wait()
}

// receive handles the buffered frames, and then starts all requests in them, so that a
// body that arrived together with its head is known to be complete.
func (c *conn) receive() error {
	l := &c.link
	l.mu.Lock()
	err := l.receive()
	l.flushLater()
	l.mu.Unlock()
	for i, r := range c.unserved {
		c.unserved[i] = nil
		c.server.workers.run(r)
	}
	c.unserved = c.unserved[:0]
	return err
}

// handshake sends the gateway's SETTINGS and reads the client's preface.
func (c *conn) handshake() error {
	l, settings := &c.link, c.server.Settings()
	l.mu.Lock()
	l.out.timeout = settings.Timeouts.Send
	l.sendSettings(
		setting{settingMaxStreams, uint32(settings.Limits.Streams)},
		setting{settingInitialWindow, initialWindowOfStreams},
		setting{settingMaxHeaderList, uint32(settings.Limits.HeaderBytes)},
		setting{settingConnectProtocol, 1},
		setting{settingNoOldPriorities, 1},
	)
	if c.server.add(c) {
		c.goAway()
	}
	l.flushLater()
	l.mu.Unlock()
	for len(l.in.buffered()) < len(preface) {
		if err := c.fill(); err != nil {
			return err
		}
	}
	if !bytes.HasPrefix(l.in.buffered(), []byte(preface)) {
		return connErrorf(codeProtocol, "the preface is not that of HTTP/2")
	}
	l.in.r += len(preface)
	return nil
}

// How long, and for how many bytes, an ended connection is still read, so that the
// client receives what was written last.
const (
	lingerPeriod = 2 * time.Second
	lingerBytes  = 256 << 10
)

// fill waits for more bytes from the client. The limit is the time for a head if one
// has started or the first is expected, and the idle timeout for later requests,
// whatever else arrives. While streams are open there is no limit here, because their
// users have one; the deadline is left unchanged then, and set again if it expires.
func (c *conn) fill() error {
	l := &c.link
	for {
		timeout, busy := c.patience()
		switch {
		case timeout <= 0 && !busy:
			return os.ErrDeadlineExceeded
		case busy && !l.in.by.At.IsZero():
			timeout = wire.Keep
		}
		err := l.in.fill(timeout)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		l.in.by = wire.Deadline{} // it has expired
	}
}

// patience returns how long the client may take to send, and busy if it has nothing to
// send because it waits for answers.
func (c *conn) patience() (left time.Duration, busy bool) {
	l, timeouts := &c.link, &c.server.Settings().Timeouts
	if l.heading.id == 0 {
		c.headingSince = time.Time{}
	} else {
		if c.headingSince.IsZero() {
			c.headingSince = time.Now()
		}
		return remaining(timeouts.Header, c.headingSince), false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closing:
		return remaining(lingerPeriod, l.closingAt), false
	case len(l.streams) > 0:
		return timeouts.Idle, true
	case c.served:
		return remaining(timeouts.Idle, c.idleSince), false
	}
	return remaining(timeouts.Header, c.idleSince), false
}

// remaining returns what is left of a timeout; a long time if there is none.
func remaining(timeout time.Duration, since time.Time) time.Duration {
	if timeout == 0 {
		return 24 * time.Hour
	}
	return timeout - time.Since(since)
}

// end ends the connection after sending what is queued. The GOAWAY contains a mistake
// of the client as the reason.
func (c *conn) end(err error) {
	l := &c.link
	l.mu.Lock()
	var bad *connError
	switch {
	case errors.As(err, &bad):
		c.server.log().Debug("HTTP/2", "client", c.info.Peer, "error", bad)
		l.out.grow()
		l.out.b = appendGoAway(l.out.b, l.highest, bad.code)
	case errors.Is(err, os.ErrDeadlineExceeded) && !l.closing:
		l.out.grow()
		l.out.b = appendGoAway(l.out.b, l.highest, codeNo)
	}
	for _, st := range l.streams {
		_ = l.breakStream(st, err, false) // nothing is left to end
	}
	l.stopClock()
	if l.err == nil && len(l.out.b) > 0 {
		l.closeWhenSent()
		l.mu.Unlock()
		c.linger()
		l.mu.Lock()
	}
	l.fail(err)
	l.mu.Unlock()
	l.in.r = l.in.w
	l.in.release()
}

// linger reads until the client has closed its side.
func (c *conn) linger() {
	in := &c.link.in
	in.by = wire.Deadline{}
	timeout := lingerPeriod
	for n := 0; n < lingerBytes; n += len(in.buffered()) {
		in.r = in.w
		if in.fill(timeout) != nil {
			return
		}
		timeout = wire.Keep // the deadline is for all reads together
	}
}

// goAway tells the client to send no other request on the connection. The answer to the
// ping after it shows that the client has read it; requests that it sent before are
// served (RFC 9113 §6.8).
func (c *conn) goAway() {
	if c.goingAway {
		return
	}
	c.goingAway = true
	o := &c.link.out
	o.grow()
	o.b = appendGoAway(o.b, maxWindow, codeNo)
	o.b = appendPing(o.b, 0, drainPing[:])
	c.finalBy = time.Now().Add(drainPeriod)
	c.link.wakeBy(c.finalBy)
}

// drainPing is the ping after the first GOAWAY.
var drainPing = [8]byte{'g', 'o', 'o', 'd', ' ', 'b', 'y', 'e'}

// drainPeriod is how long to wait for the answer to it.
const drainPeriod = time.Second

func (c *conn) receivedPingAck(data [8]byte) {
	if data == drainPing && c.goingAway {
		c.sendFinalGoAway()
	}
}

func (c *conn) tick(now time.Time) {
	switch {
	case !c.goingAway || c.final:
	case now.Before(c.finalBy):
		c.link.wakeBy(c.finalBy)
	default:
		c.sendFinalGoAway()
		c.link.flushLater()
	}
}

// sendFinalGoAway tells the client the last stream that is served.
func (c *conn) sendFinalGoAway() {
	if c.final {
		return
	}
	c.final, c.last = true, c.link.highest
	o := &c.link.out
	o.grow()
	o.b = appendGoAway(o.b, c.last, codeNo)
	c.closeIfOver()
}

// closeIfOver closes a connection without requests that accepts none.
func (c *conn) closeIfOver() {
	if c.final && len(c.link.streams) == 0 {
		c.link.closeWhenSent()
	}
}

func (c *conn) receivedGoAway(uint32, errCode) {} // it rejects pushes, which the gateway never sends
func (c *conn) receivedSettings()              {}

// broken tells the handler that the client is gone or has cancelled the request.
func (c *conn) broken(st *stream, byPeer bool) error {
	r := st.owner.(*request)
	r.cancellation.ClientGone()
	if byPeer && !r.response.begun {
		return c.link.abuse.count(1)
	}
	return nil
}

// headers starts a request, or ends its body with trailers.
func (c *conn) headers(f frame, fragment []byte) error {
	l := &c.link
	if f.id%2 == 0 {
		return connErrorf(codeProtocol, "HEADERS on stream %d, which is not the client's to open", f.id)
	}
	if f.id <= l.highest {
		return c.laterHeaders(f, fragment)
	}
	l.highest = f.id
	r := c.takeRequest()
	if err := l.decode(ofRequest, r.fields[:0], fragment); err != nil {
		return err
	}
	r.fields = l.block.fields
	settings := c.server.Settings()
	switch {
	case c.final:
		c.giveRequest(r) // the client knows that this one is not served
		return nil
	case len(l.streams) >= settings.Limits.Streams:
		c.giveRequest(r)
		return l.refuseStream(f.id)
	}
	return c.begin(r, f, settings)
}

// refuseStream refuses a stream beyond the limit.
func (l *link) refuseStream(id uint32) error {
	if err := l.abuse.count(1); err != nil {
		return err
	}
	return l.reset(id, codeRefusedStream, nil)
}

// begin opens the stream of a request and queues it for a worker, or answers it here.
func (c *conn) begin(r *request, f frame, settings *gatelodge.Settings) error {
	l := &c.link
	c.served = true
	l.out.timeout = settings.Timeouts.Send
	r.begin(f.id, settings)
	if err := l.block.request(&r.ex, f.has(flagEndStream)); err != nil {
		return c.refuse(r, f, err)
	}
	r.fields = slices.Grow(r.fields, spareFields)
	r.ex.Header = r.fields
	r.response.continued = !r.ex.ExpectsContinue
	if r.ex.Length > 0 {
		r.st.length = r.ex.Length
	}
	r.st.inEnded = f.has(flagEndStream)
	c.handlers.Add(1)
	c.unserved = append(c.unserved, r)
	return nil
}

// laterHeaders handles the trailers of a request, or a mistake.
func (c *conn) laterHeaders(f frame, fragment []byte) error {
	l := &c.link
	var memory exchange.Fields
	st := l.streams[f.id]
	if st != nil {
		memory = st.owner.(*request).trailers[:0]
	}
	if err := l.decode(ofTrailers, memory, fragment); err != nil {
		return err
	}
	switch {
	case l.resets.has(f.id): // sent before the reset arrived
		return nil
	case st == nil && l.closed.has(f.id):
		return connErrorf(codeStreamClosed, "HEADERS on a stream that is closed")
	case st == nil:
		return connErrorf(codeProtocol, "HEADERS on stream %d after one on %d", f.id, l.highest)
	case st.inEnded || st.broken != nil:
		return l.streamError(f.id, codeStreamClosed, "HEADERS on a stream that is closed")
	case !f.has(flagEndStream):
		return l.streamError(f.id, codeProtocol, "trailers that do not end the stream")
	case l.block.err != nil:
		return l.streamError(f.id, codeProtocol, "trailers: %v", l.block.err)
	}
	st.owner.(*request).trailers = l.block.fields
	return l.endInput(st)
}
