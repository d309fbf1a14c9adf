package http2

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2/hpack"

	gatelodge "gatelodge.dev"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// link is an HTTP/2 connection, to a client or to an endpoint. One goroutine reads; any
// goroutine may write.
type link struct {
	side     side
	conn     net.Conn
	settings func() *gatelodge.Settings

	// For the goroutine that reads.
	in            input
	decoder       *hpack.Decoder
	block         block
	pending       []byte // fragments of a block whose frames have not ended
	heading       frame  // the HEADERS frame at its start; no id: none
	settingsKnown bool   // the peer's first SETTINGS arrived
	abuse         abuse

	mu        sync.Mutex // guards the following, and is held while frames are handled
	out       output
	streams   map[uint32]*stream
	highest   uint32  // the highest id of the client's streams
	data      payload // of a DATA frame that has not ended
	closed    recent  // streams that ended
	resets    recent  // streams that the gateway reset; frames for them may still arrive
	peer      peer
	err       error     // why the connection has ended; nil: it has not
	closing   bool      // it ends when everything is written
	closingAt time.Time // since when
	waiting   int       // goroutines that wait for room in the output
	pings     int       // pings that the peer may send uncounted, see earnPing
	clock     clock
	received  int64 // octets read, to detect whether the peer is alive

	sendWindow int64 // the peer's receive window of the connection
	recvWindow int   // the receive window of the gateway

	// early gives the window back as soon as bytes arrive, so that one slow client does
	// not hold up the others on an endpoint's connection. The windows of the streams
	// then limit the memory.
	early    bool
	recvLeft int // what is left of it
	consumed int // consumed since the last WINDOW_UPDATE
}

// side contains the differences between a client's connection and an endpoint's. The
// lock is held in every call.
type side interface {
	// headers handles a block that is complete but not decoded.
	headers(f frame, fragment []byte) error
	receivedGoAway(last uint32, code errCode)
	receivedPingAck(data [8]byte)
	receivedSettings() // the peer's settings are known
	// broken is called once for each stream that ends too early: because of a reset by
	// the peer or the gateway, or because the connection has failed.
	broken(st *stream, byPeer bool) error
	// tick is called at the time that was given to wakeBy.
	tick(now time.Time)
}

// peer contains the settings of the other side.
type peer struct {
	maxFrame      int
	initialWindow int64
	maxStreams    int
	connects      bool // extended CONNECT (RFC 8441 §3)
}

func (l *link) init(s side, conn net.Conn, settings func() *gatelodge.Settings, read []byte, window int) {
	l.side, l.conn, l.settings = s, conn, settings
	l.in.init(conn, read)
	l.out.conn = conn
	l.decoder = hpack.NewDecoder(4096, l.block.add)
	l.streams = make(map[uint32]*stream)
	l.peer = peer{maxFrame: maxFrame, initialWindow: defaultWindow, maxStreams: 1 << 30}
	l.sendWindow = defaultWindow
	l.recvWindow, l.recvLeft = window, window
	l.out.grow()
}

// limits returns the limits for a block of fields.
func (l *link) limits() wire.Bounds {
	limits := &l.settings().Limits
	return wire.Bounds{Bytes: limits.HeaderBytes, Fields: limits.Headers}
}

// sendSettings starts the gateway's side of the connection: its SETTINGS and its
// window.
func (l *link) sendSettings(settings ...setting) {
	l.out.b = appendSettings(l.out.b, settings...)
	l.out.b = appendWindowUpdate(l.out.b, 0, l.recvWindow-defaultWindow)
}

// decode decodes a block into l.block.
func (l *link) decode(of section, memory exchange.Fields, fragment []byte) error {
	limit := l.limits()
	l.block.begin(of, limit, memory)
	l.decoder.SetMaxStringLength(2 * limit.Bytes)
	_, err := l.decoder.Write(fragment)
	if err == nil {
		err = l.decoder.Close()
	}
	if errors.Is(err, hpack.ErrStringLength) {
		return connErrorf(codeEnhanceYourCalm, "a field has more than %d bytes", 2*limit.Bytes)
	}
	if err != nil {
		return connErrorf(codeCompression, "%v", err)
	}
	return nil
}

// fail ends the connection with all streams on it.
func (l *link) fail(err error) {
	if l.err != nil {
		return
	}
	l.err = err
	for _, st := range l.streams {
		l.breakStream(st, err, false)
	}
	_ = l.conn.Close() // the reader gets an error
}

// breakStream makes reads and writes of a stream fail.
func (l *link) breakStream(st *stream, err error, byPeer bool) error {
	if st.broken != nil {
		return nil
	}
	if err == io.EOF { // of the connection: a body that ends with it is incomplete
		err = io.ErrUnexpectedEOF
	}
	st.broken = err
	st.cond.Broadcast()
	return l.side.broken(st, byPeer)
}

// used records that n received bytes were consumed.
func (l *link) used(n int) {
	if !l.early {
		l.credit(n)
	}
}

// dropInput discards received bytes that will not be read.
func (l *link) dropInput(st *stream) {
	l.used(st.in.size)
	st.in.clear()
}

// reset ends a stream with a RST_STREAM. reason is the error for the users of the
// stream.
func (l *link) reset(id uint32, code errCode, reason error) error {
	l.out.grow()
	l.out.b = appendReset(l.out.b, id, code)
	l.resets.add(id)
	if st := l.streams[id]; st != nil {
		if l.data.st == st {
			l.data.st = nil
		}
		st.inClosed, st.outEnded = true, true
		l.dropInput(st)
		return l.breakStream(st, reason, false)
	}
	return nil
}

// remove removes a stream that is no longer used.
func (l *link) remove(st *stream) {
	if l.data.st == st {
		l.data.st = nil
	}
	l.dropInput(st)
	delete(l.streams, st.id)
	l.closed.add(st.id)
}

// wakeAll wakes every waiting goroutine.
func (l *link) wakeAll() {
	if l.waiting == 0 {
		return
	}
	for _, st := range l.streams {
		st.cond.Broadcast()
	}
}

// recent remembers the latest few of many streams.
type recent struct {
	ids [16]uint32
	n   int
}

func (r *recent) add(id uint32) {
	r.ids[r.n%len(r.ids)] = id
	r.n++
}

func (r *recent) has(id uint32) bool {
	for _, known := range r.ids {
		if known == id {
			return true
		}
	}
	return false
}

// clock wakes the streams of a connection that have waited too long. All of them share
// one timer, which is reset only when it would fire too late, because most waits end
// long before.
type clock struct {
	timer *time.Timer
	at    time.Time // when it fires; zero: never
}

// wakeBy makes the clock fire at t at the latest.
func (l *link) wakeBy(t time.Time) {
	c := &l.clock
	if t.IsZero() || !c.at.IsZero() && !t.Before(c.at) {
		return
	}
	c.at = t
	if c.timer == nil {
		c.timer = time.AfterFunc(time.Until(t), l.wakeExpired)
	} else {
		c.timer.Reset(time.Until(t))
	}
}

func (l *link) wakeExpired() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.clock.at = time.Time{}
	var next time.Time
	for _, st := range l.streams {
		switch {
		case st.wakeAt.IsZero():
		case !now.Before(st.wakeAt):
			st.wakeAt = time.Time{}
			st.cond.Broadcast()
		case next.IsZero() || st.wakeAt.Before(next):
			next = st.wakeAt
		}
	}
	l.wakeBy(next)
	l.side.tick(now)
}

func (l *link) stopClock() {
	if l.clock.timer != nil {
		l.clock.timer.Stop()
	}
}

// closeWhenSent closes the gateway's side of the connection when everything queued is
// sent.
func (l *link) closeWhenSent() {
	if !l.closing {
		l.closing, l.closingAt = true, time.Now()
	}
	if len(l.out.b) > 0 {
		l.flushLater()
	} else if !l.out.flushing {
		l.shut()
	}
}

// shut closes the gateway's side of the connection, so that the peer can read
// everything that was sent, and gives it some time to close its own.
func (l *link) shut() {
	if l.err != nil {
		return
	}
	half, ok := l.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || l.conn.SetReadDeadline(time.Now().Add(lingerPeriod)) != nil {
		_ = l.conn.Close() // the reader gets an error
	}
}
