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

// stream is one request and its response on a link (RFC 9113 §5), from either
// side: the bytes that came and are not read yet, and the windows. The link's
// lock guards it. One goroutine may read while another writes.
type stream struct {
	l      *link
	id     uint32
	cond   sync.Cond // of the link's lock
	owner  any       // *request or *forward
	wakeAt time.Time // when the clock is to wake those who wait; zero: not
	broken error     // it will not be whole: a *resetError, a *streamError or the link's

	in       queue // what came and was not read
	window   int   // what we offer the peer
	recvLeft int   // of that
	consumed int   // what was read since we told the peer last
	length   int64 // what is to come by Content-Length; -1 if that is not known
	inEnded  bool  // the peer sends no more
	stopped  bool  // reading is ended for now
	inClosed bool  // reading is over: we have reset it

	sendWindow int64
	outEnded   bool // nothing more may be sent
	frameAt    int  // where our last frame begins in the output
	frameIn    uint64
	headAt     int64 // where our first frame ends in all that was written
}

// open makes a stream that is used again one of the link.
func (st *stream) open(l *link, id uint32, window int) {
	in := queue{parts: st.in.parts[:0], own: st.in.own}
	*st = stream{l: l, id: id, owner: st.owner, in: in, window: window, recvLeft: window, length: -1, sendWindow: l.peer.initialWindow}
	st.cond.L = &l.mu
	l.streams[id] = st
}

// resetError is a RST_STREAM of the peer.
type resetError struct{ code errCode }

func (e *resetError) Error() string { return "the stream was reset: " + e.code.String() }

// streamError is what the peer did, or we, that ended a stream.
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

// put adds to what came.
func (st *stream) put(p []byte) {
	st.in.put(p)
	st.cond.Broadcast()
}

// credit notes that n bytes of the stream were read, and offers the peer as
// many when they are worth a frame.
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

// stop ends reading until it is undone.
func (st *stream) stop(stopped bool) {
	st.l.mu.Lock()
	defer st.l.mu.Unlock()
	st.stopped = stopped
	st.cond.Broadcast()
}

// wait lets go of the lock until something happens, and reports whether there
// is time left of the timeout, which begins with the first wait; 0 is no limit.
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

// sendable fails where nothing may be sent.
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

// head queues a HEADERS frame, which encode appends the fields to, and splits
// it where it is too large for one (RFC 9113 §4.3).
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

// end marks the last frame as the stream's last, or appends an empty one if it
// has left.
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

// appendData queues a DATA frame, for which there is room and window.
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

// finish ends what we send, with trailers if there are any.
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

// leastProgress is how much a peer has to take within the timeout of a write,
// so that windows opened byte by byte don't keep a stream for ever.
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
			room = 0 // rather than a small frame
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
