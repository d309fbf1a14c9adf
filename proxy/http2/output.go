package http2

import (
	"net"
	"runtime"
	"time"

	"gatelodge.dev/proxy/wire"
)

// output contains the bytes to be written to a connection. Frames are appended under
// the link's lock; one goroutine at a time writes them. It has a buffer only while it
// is not empty.
type output struct {
	conn     net.Conn
	buf      *wire.Buffer // where b starts; b is reallocated if it grows beyond it
	b        []byte
	taken    uint64 // number of buffers taken for writing
	queued   int64  // bytes appended so far, except those in b
	written  int64  // bytes that were written
	flushing bool   // a goroutine is writing, or is about to
	timeout  time.Duration
	failed   error // error of a write
	by       wire.Deadline
}

// outputRoom is how much can be queued before writers of content have to wait. Answers
// to the peer's control frames are always queued; abuse limits them.
const outputRoom = wire.BufferSize - 1<<10

// grow makes room in b.
func (o *output) grow() {
	if o.buf == nil {
		o.buf = wire.TakeBuffer()
		o.b = o.buf[:0]
	}
}

// position returns the offset of the next byte in everything that was ever written.
func (o *output) position() int64 { return o.queued + int64(len(o.b)) }

// take returns the bytes to write, and starts an empty buffer.
func (o *output) take() (*wire.Buffer, []byte) {
	buf, b := o.buf, o.b
	o.buf, o.b = nil, nil
	o.taken++
	o.queued += int64(len(b))
	return buf, b
}

// flush writes the queued bytes, unless another goroutine is writing already. The lock
// is held, and released during the write. Other goroutines run first: on a busy machine
// their frames are sent by the same write.
func (l *link) flush() {
	o := &l.out
	if o.flushing || len(o.b) == 0 || l.dead() != nil {
		return
	}
	o.flushing = true
	l.mu.Unlock()
	runtime.Gosched()
	l.mu.Lock()
	l.drainOutput()
}

// drainOutput writes until nothing is left. flushing is set by the caller.
func (l *link) drainOutput() {
	o := &l.out
	for len(o.b) > 0 && l.dead() == nil {
		buf, b := o.take()
		l.wakeAll() // there is room again
		timeout := o.timeout
		l.mu.Unlock()
		n, err := o.write(b, timeout)
		wire.GiveBuffer(buf)
		l.mu.Lock()
		o.written += int64(n)
		if err != nil {
			l.unwritable(err)
		}
	}
	o.flushing = false
	if l.closing && len(o.b) == 0 {
		l.shut()
	}
}

// dead returns why nothing can be sent any more, or nil.
func (l *link) dead() error {
	if l.err != nil {
		return l.err
	}
	return l.out.failed
}

// unwritable ends sending. Reading continues for a while, because frames that the
// endpoint sent before it closed may contain which requests it processed.
func (l *link) unwritable(err error) {
	if l.out.failed != nil {
		return
	}
	l.out.failed = err
	if !l.early || l.conn.SetReadDeadline(time.Now().Add(lingerPeriod)) != nil {
		l.fail(err)
	}
	for _, st := range l.streams {
		st.cond.Broadcast()
	}
}

// write is called by one goroutine at a time, without the lock.
func (o *output) write(b []byte, timeout time.Duration) (int, error) {
	if at, needed := o.by.Renew(timeout); needed {
		if err := o.conn.SetWriteDeadline(at); err != nil {
			return 0, err
		}
	}
	return o.conn.Write(b)
}

// flushLater flushes in another goroutine, for a reader: if both peers waited for the
// other one to read, neither would continue.
func (l *link) flushLater() {
	if l.out.flushing || len(l.out.b) == 0 || l.dead() != nil {
		return
	}
	l.out.flushing = true
	go func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.drainOutput()
	}()
}
