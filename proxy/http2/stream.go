package http2

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"gatelodge.dev/proxy/exchange"
)

// stream is one request and its response on a link (RFC 9113 §5), on either side: the
// received bytes that are not read yet, and the windows. The link's lock guards it. One
// goroutine may read while another writes.
type stream struct {
	l      *link
	id     uint32
	cond   sync.Cond // of the link's lock
	owner  any       // *request or *forward
	wakeAt time.Time // when the clock has to wake waiting goroutines; zero: never
	broken error     // it will not be completed: a *resetError, a *streamError or the link's error

	in       queue // received and not read
	window   int   // the receive window
	recvLeft int   // what is left of it
	consumed int   // read since the last WINDOW_UPDATE
	length   int64 // the rest of the Content-Length; -1 if unknown
	inEnded  bool  // the peer has ended its side
	stopped  bool  // reading is stopped for now
	inClosed bool  // reading has ended with a reset by the gateway

	sendWindow int64
	outEnded   bool // nothing more may be sent
	frameAt    int  // offset of the last sent frame in the output
	frameIn    uint64
	headAt     int64 // end of the first sent frame in everything that was written
}

// open prepares a pooled stream for the link.
func (st *stream) open(l *link, id uint32, window int) {
	in := queue{parts: st.in.parts[:0], own: st.in.own}
	*st = stream{l: l, id: id, owner: st.owner, in: in, window: window, recvLeft: window, length: -1, sendWindow: l.peer.initialWindow}
	st.cond.L = &l.mu
	l.streams[id] = st
}

// resetError is a RST_STREAM of the peer.
type resetError struct{ code errCode }

func (e *resetError) Error() string { return "the stream was reset: " + e.code.String() }

// streamError is why the peer or the gateway ended a stream.
type streamError struct {
	code errCode
	err  error
}

func (e *streamError) Error() string { return fmt.Sprintf("%s: %v", e.code, e.err) }
func (e *streamError) Unwrap() error { return e.err }

var (
	errStopped = errors.New("reading was ended")
	errEnded   = errors.New("nothing more may be sent")
)

// put adds received bytes.
func (st *stream) put(p []byte) {
	st.in.put(p)
	st.cond.Broadcast()
}

// credit records that n bytes of the stream were read, and sends a WINDOW_UPDATE when
// there are enough.
func (st *stream) credit(n int) {
	l := st.l
	before := len(l.out.b)
	l.used(n)
	if st.consumed += n; st.consumed >= st.window/2 && !st.inEnded && st.broken == nil {
		l.out.grow()
		l.out.b = appendWindowUpdate(l.out.b, st.id, st.consumed)
		st.recvLeft += st.consumed
		st.consumed = 0
	}
	if len(l.out.b) > before {
		l.flush()
	}
}

// await waits until there is something to read, at most for timeout; 0 is no
// limit. It returns io.EOF at the end.
func (st *stream) await(timeout time.Duration) error {
	var until time.Time
	for {
		switch {
		case st.inClosed:
			return st.broken
		case st.stopped:
			return errStopped
		case st.in.size > 0:
			return nil
		case st.inEnded:
			return io.EOF
		case st.broken != nil:
			return st.broken
		}
		if !st.wait(&until, timeout) {
			return os.ErrDeadlineExceeded
		}
	}
}

// read waits for bytes of the body.
func (st *stream) read(p []byte, timeout time.Duration) (int, error) {
	st.l.mu.Lock()
	defer st.l.mu.Unlock()
	if err := st.await(timeout); err != nil {
		return 0, err
	}
	n := st.in.read(p)
	st.credit(n)
	return n, nil
}

// next waits for more and returns a part of it without copying. It takes back
// the part that it returned before: only now the peer may send as much more.
func (st *stream) next(before part, timeout time.Duration) (part, error) {
	st.l.mu.Lock()
	defer st.l.mu.Unlock()
	if n := len(before.b); n > 0 {
		st.in.give(before)
		st.credit(n)
	}
	if err := st.await(timeout); err != nil {
		return part{}, err
	}
	return st.in.take(), nil
}

// stop ends reading until it is called with false.
func (st *stream) stop(stopped bool) {
	st.l.mu.Lock()
	defer st.l.mu.Unlock()
	st.stopped = stopped
	st.cond.Broadcast()
}

// wait releases the lock until something happens, and reports whether time is left of
// the timeout, which starts with the first wait; 0 is no limit.
func (st *stream) wait(until *time.Time, timeout time.Duration) bool {
	if timeout > 0 {
		now := time.Now()
		if until.IsZero() {
			*until = now.Add(timeout)
		} else if !now.Before(*until) {
			return false
		}
		if st.wakeAt.IsZero() || until.Before(st.wakeAt) {
			st.wakeAt = *until
		}
		st.l.wakeBy(*until)
	}
	st.cond.Wait()
	return true
}

// sendable returns an error if nothing may be sent.
func (st *stream) sendable() error {
	switch {
	case st.broken != nil:
		return st.broken
	case st.l.dead() != nil:
		return st.l.dead()
	case st.outEnded:
		return errEnded
	}
	return nil
}

// head queues a HEADERS frame with the fields that encode appends, and splits it if it
// is too large (RFC 9113 §4.3).
func (st *stream) head(end bool, encode func(b []byte) []byte) {
	o := &st.l.out
	o.grow()
	at := len(o.b)
	o.b = appendFrame(o.b, 0, kindHeaders, flagEndHeaders, st.id)
	o.b = encode(o.b)
	st.frameAt, st.frameIn = at, o.taken
	size := len(o.b) - at - frameHeaderSize
	if most := st.l.peer.maxFrame; size <= most {
		setLength(o.b[at:], size)
	} else {
		rest := append([]byte(nil), o.b[at+frameHeaderSize+most:]...)
		o.b = o.b[:at+frameHeaderSize+most]
		setLength(o.b[at:], most)
		o.b[at+4] &^= flagEndHeaders
		for len(rest) > 0 {
			n, flags := min(len(rest), most), uint8(0)
			if n == len(rest) {
				flags = flagEndHeaders
			}
			o.b = appendFrame(o.b, n, kindContinuation, flags, st.id)
			o.b = append(o.b, rest[:n]...)
			rest = rest[n:]
		}
	}
	st.headAt = o.position()
	if end {
		st.end()
	}
}

// end marks the last frame as the end of the stream, or appends an empty one if that
// was already written.
func (st *stream) end() {
	if st.outEnded {
		return
	}
	st.outEnded = true
	o := &st.l.out
	if o.buf != nil && st.frameIn == o.taken && st.headAt > 0 {
		o.b[st.frameAt+4] |= flagEndStream
		return
	}
	o.grow()
	o.b = appendFrame(o.b, 0, kindData, flagEndStream, st.id)
}

// appendData queues a DATA frame that fits into the room and the windows.
func (st *stream) appendData(p []byte) {
	o := &st.l.out
	o.grow()
	st.frameAt, st.frameIn = len(o.b), o.taken
	o.b = appendFrame(o.b, len(p), kindData, 0, st.id)
	o.b = append(o.b, p...)
	st.sendWindow -= int64(len(p))
	st.l.sendWindow -= int64(len(p))
	st.l.earnPing()
}

// finish ends the sending side, with trailers if there are any.
func (st *stream) finish(trailers exchange.Fields) {
	if len(trailers) == 0 {
		st.end()
		return
	}
	st.head(true, func(b []byte) []byte { return appendFields(b, trailers) })
}

// readable reports whether reading would not wait.
func (st *stream) readable() bool {
	st.l.mu.Lock()
	defer st.l.mu.Unlock()
	return st.in.size > 0 || st.inEnded || st.broken != nil
}

// leastProgress is how much a peer has to accept within the timeout of a write, so that
// windows opened byte by byte don't keep a stream open.
const leastProgress = 1 << 10

// write queues p as DATA as far as the windows allow, and waits for them. It
// flushes when it has to wait, and when the output is full.
func (st *stream) write(p []byte, timeout time.Duration) (int, error) {
	l, o := st.l, &st.l.out
	l.mu.Lock()
	defer l.mu.Unlock()
	var until time.Time
	written, progress := 0, 0
	for len(p) > 0 {
		if err := st.sendable(); err != nil {
			return written, err
		}
		room := outputRoom - len(o.b)
		if room < min(len(p), leastProgress) {
			room = 0 // wait instead of sending a small frame
		}
		n := min(len(p), l.peer.maxFrame, room, int(min(st.sendWindow, l.sendWindow)))
		if n <= 0 {
			if !o.flushing && len(o.b) > 0 {
				l.flush()
				continue
			}
			l.waiting++
			inTime := st.wait(&until, timeout)
			l.waiting--
			if !inTime {
				return written, os.ErrDeadlineExceeded
			}
			continue
		}
		st.appendData(p[:n])
		p = p[n:]
		written += n
		if progress += n; progress >= leastProgress {
			until, progress = time.Time{}, 0
		}
	}
	return written, nil
}
