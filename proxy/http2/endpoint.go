package http2

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// endpointConn is a connection to an endpoint.
type endpointConn struct {
	client *Client
	link   link
	secure bool // over TLS

	// Under the client's lock.
	active int  // requests on the connection
	limit  int  // the maximum of requests
	ready  bool // the endpoint's settings are known

	// Under the link's lock.
	retired   bool // it accepts no more requests
	slow      int  // requests whose bodies the endpoint may read slowly
	idleSince time.Time
}

// maxStreams is the maximum of concurrent requests on a connection, even if the
// endpoint allows more, because its frames are handled one after the other.
const maxStreams = 256

func newEndpointConn(c *Client, nc net.Conn) *endpointConn {
	ec := &endpointConn{client: c, limit: 1}
	_, ec.secure = nc.(*tls.Conn)
	l := &ec.link
	l.init(ec, nc, c.opts.Settings, nil, windowOfClientConnection)
	l.early = true
	ec.limitSilence()
	l.out.timeout = c.opts.Settings().Timeouts.Send
	l.out.b = append(l.out.b, preface...)
	l.sendSettings(
		setting{settingEnablePush, 0},
		setting{settingInitialWindow, initialWindowOfClient},
		setting{settingMaxHeaderList, uint32(c.opts.Settings().Limits.HeaderBytes)},
	)
	return ec
}

// limitSilence limits the silence of the endpoint (wire.LimitSilence) to the connect
// timeout, unless it may read a body slowly.
func (ec *endpointConn) limitSilence() {
	timeout := ec.client.opts.Settings().Timeouts.Connect
	if ec.slow > 0 {
		timeout = 0
	}
	wire.LimitSilence(ec.link.conn, timeout)
}

// serve reads until the connection ends.
func (ec *endpointConn) serve() {
	l := &ec.link
	l.mu.Lock()
	ec.noteIdle()
	l.flushLater()
	l.mu.Unlock()
	var err error
	for err == nil {
		if err = l.in.fill(0); err == nil {
			l.mu.Lock()
			l.received += int64(len(l.in.buffered()))
			err = l.receive()
			l.flushLater()
			l.mu.Unlock()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	ec.retired = true
	ec.client.drop(ec)
	if l.out.failed != nil {
		err = l.out.failed // that error came first
	}
	if bad := (*connError)(nil); errors.As(err, &bad) && l.err == nil {
		l.out.grow()
		l.out.b = appendGoAway(l.out.b, 0, bad.code)
		l.flush() // for the endpoint's log
	}
	l.fail(err)
	l.stopClock()
	l.in.r = l.in.w
	l.in.release()
}

// noteIdle starts the idle timeout if the connection has no request.
func (ec *endpointConn) noteIdle() {
	l := &ec.link
	if len(l.streams) > 0 {
		return
	}
	if ec.retired || ec.client.isClosed() {
		ec.retire()
		return
	}
	ec.idleSince = time.Now()
	l.wakeBy(ec.idleSince.Add(ec.client.opts.IdleTimeout))
}

// retire accepts no more requests on the connection, and closes it when there are none.
func (ec *endpointConn) retire() {
	if !ec.retired {
		ec.retired = true
		ec.client.drop(ec)
	}
	if len(ec.link.streams) == 0 {
		ec.link.fail(errGone)
	}
}

// errGone means that the connection accepts no request, and nothing of one was sent.
var errGone = errors.New("the connection has ended")

func (ec *endpointConn) tick(now time.Time) {
	l := &ec.link
	if len(l.streams) > 0 || l.err != nil {
		return
	}
	if due := ec.idleSince.Add(ec.client.opts.IdleTimeout); now.Before(due) {
		l.wakeBy(due)
		return
	}
	ec.retire()
}

func (ec *endpointConn) receivedSettings() {
	ec.client.learn(ec, min(ec.link.peer.maxStreams, maxStreams))
}

func (ec *endpointConn) receivedPingAck([8]byte) {}

func (ec *endpointConn) broken(*stream, bool) error { return nil }

// errUnprocessed means that the endpoint sent a GOAWAY, by which it does not process a
// stream (RFC 9113 §6.8).
var errUnprocessed = errors.New("the endpoint ends the connection before it came to the request")

func (ec *endpointConn) receivedGoAway(last uint32, code errCode) {
	for id, st := range ec.link.streams {
		if id > last {
			_ = ec.link.breakStream(st, errUnprocessed, true) // fails for what clients do
		}
	}
	ec.retire()
}

// headers handles an answer, an interim one, or trailers.
func (ec *endpointConn) headers(fr frame, fragment []byte) error {
	l := &ec.link
	if l.isIdle(fr.id) {
		return connErrorf(codeProtocol, "HEADERS on a stream that was not opened")
	}
	st := l.streams[fr.id]
	var f *forward
	of, memory := ofResponse, exchange.Fields(nil)
	if st != nil {
		f = st.owner.(*forward)
		if f.final {
			of, memory = ofTrailers, f.trailers[:0]
		} else {
			memory = f.spare()
		}
	}
	if err := l.decode(of, memory, fragment); err != nil {
		return err
	}
	switch {
	case l.resets.has(fr.id): // sent before the reset arrived
		return nil
	case st != nil && st.inEnded: // data after the answer, which is complete
		return l.abuse.count(1)
	case st == nil || st.broken != nil:
		return l.streamError(fr.id, codeStreamClosed, "HEADERS on a stream that is closed")
	}
	var err error
	if of == ofTrailers {
		err = f.takeTrailers(&l.block, fr.has(flagEndStream))
	} else {
		err = f.takeAnswer(&l.block, fr.has(flagEndStream))
	}
	if err != nil {
		if failed := l.abuse.count(1); failed != nil {
			return failed
		}
		return l.reset(st.id, codeProtocol, &streamError{codeProtocol, err})
	}
	st.cond.Broadcast()
	if fr.has(flagEndStream) {
		return l.endInput(st)
	}
	return nil
}

// answer is the head of a response.
type answer struct {
	status int
	fields exchange.Fields
	length int64 // as for exchange.Response.Head
}

// spare returns memory for the fields of the next answer.
func (f *forward) spare() exchange.Fields {
	if n := len(f.answers); n < cap(f.answers) {
		return f.answers[:n+1][n].fields[:0]
	}
	return nil
}

// takeAnswer queues a received head for the worker.
func (f *forward) takeAnswer(b *block, ended bool) error {
	if b.err != nil {
		return b.err
	}
	status, ok := wire.ParseStatus(b.status)
	switch {
	case !ok || status == 101: // RFC 9113 §8.6
		return wire.Badf(":status %q: expected three digits, and not 101", b.status)
	case status < 200 && ended:
		return wire.Badf("an interim response that ends the stream")
	case status < 200 && len(f.answers) >= wire.MaxInterim:
		return wire.Badf("more than %d interim responses", wire.MaxInterim)
	}
	a := answer{status, b.fields, b.length}
	switch {
	case status < 200:
	case f.ex.Method == "HEAD" || wire.Bodyless(status):
		f.st.length = 0
	case f.tunnels(status):
	case ended && b.length > 0:
		return wire.Badf("Content-Length is %d, and there is no body", b.length)
	case ended:
		a.length = 0
	default:
		f.st.length = b.length
	}
	f.answers = append(f.answers, a)
	f.final = status >= 200
	return nil
}

func (f *forward) takeTrailers(b *block, ended bool) error {
	if b.err != nil {
		return fmt.Errorf("trailers: %w", b.err)
	}
	if !ended {
		return wire.Badf("trailers that do not end the stream")
	}
	f.trailers = b.fields
	return nil
}
