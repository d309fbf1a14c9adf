package http1

import (
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"syscall"
	"time"

	"gatelodge.dev/proxy/wire"
)

var (
	errGone    = errors.New("the idle connection was closed by the peer")
	errStopped = errors.New("reading was ended")
)

// stream is a connection, to a client or to an endpoint, with its buffers for
// reading and writing and its deadlines. One goroutine may read while another
// writes.
type stream struct {
	conn net.Conn

	// raw is the descriptor of a TCP connection, nil for any other (TLS, a
	// pipe). It lets the stream wait without a buffer.
	raw     syscall.RawConn
	records *wire.Records         // below TLS; nil for others
	under   syscall.RawConn       // the descriptor of records
	ready   func(fd uintptr) bool // the method readable, bound once
	got     error                 // what readable found instead of bytes
	asking  bool                  // readable has to write out before it waits
	yield   yield                 // whether ask and fillNext do
	yielded bool                  // fillNext did, and yield has to learn the outcome

	in    *wire.Buffer // in[r:w] was read and not used; may be nil if that is empty
	r, w  int
	first [1]byte // for a read that should find nothing, or that must not hold a buffer
	out   output

	read int64 // bytes read so far

	mu        sync.Mutex // guards the three below, which other goroutines may change
	stopped   bool       // by interrupt
	suspended bool       // reads have no deadline until resumeDeadline
	readBy    wire.Deadline
}

func (s *stream) init(conn net.Conn) {
	s.conn = conn
	s.out.conn = conn
	s.records = wire.RecordsOf(conn)
	if tcp, ok := conn.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			s.raw = raw
			s.ready = s.readable
			s.out.raw = raw
			s.out.ready = s.out.writable
		}
	}
}

// unwrapTLS lets isQuiet look below TLS.
func (s *stream) unwrapTLS() {
	if s.records != nil {
		s.under, _ = s.records.SyscallConn() // nil if the connection is already closed
	}
}

// hungUp reports whether the peer has ended its side of the connection. It may
// be called from any goroutine.
func (s *stream) hungUp() (is bool) {
	nc := s.conn
	if layer, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = layer.NetConn()
	}
	tcp, ok := nc.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { is = wire.HungUp(fd) })
	}
	return is || err != nil
}

// buffered returns the number of bytes that can be used without waiting.
func (s *stream) buffered() int { return s.w - s.r }

// take returns up to limit buffered bytes and counts them as used. They are
// valid until the next call that may wait.
func (s *stream) take(limit int64) []byte {
	end := s.w
	if limit < int64(end-s.r) {
		end = s.r + int(limit)
	}
	p := s.in[s.r:end]
	s.r = end
	return p
}

// release returns the buffer to the pool if all of it was used.
func (s *stream) release() {
	if s.in != nil && s.r == s.w {
		wire.GiveBuffer(s.in)
		s.in, s.r, s.w = nil, 0, 0
	}
}

// close closes the connection and returns its buffers.
func (s *stream) close() {
	s.conn.Close()
	s.r = s.w
	s.release()
	s.out.drop()
}

// fill waits for bytes, at most for timeout, and buffers them. All that was
// buffered must have been used.
func (s *stream) fill(timeout time.Duration) error {
	if err := s.armRead(timeout); err != nil {
		return err
	}
	if s.raw != nil {
		return s.wait()
	}
	if s.in == nil {
		s.in = wire.TakeBuffer()
	}
	return s.filled(s.conn.Read(s.in[:]))
}

// fillIdle is fill for a connection between two requests: it holds no buffer while
// it waits, for TLS as well.
func (s *stream) fillIdle(timeout time.Duration) error {
	if s.raw != nil {
		return s.fill(timeout)
	}
	s.release()
	if err := s.armRead(timeout); err != nil {
		return err
	}
	n, err := s.conn.Read(s.first[:])
	if n > 0 {
		s.in = wire.TakeBuffer()
		s.in[0] = s.first[0]
		n += s.records.ReadNow(s.conn, s.in[n:]) // or a tunnel would go on byte by byte
	}
	return s.filled(n, err)
}

// fillNext is fillIdle for a client's next request. On a busy machine that is there
// after a yield.
func (s *stream) fillNext(timeout time.Duration) error {
	if s.raw != nil && s.yield.due(yieldRow) {
		runtime.Gosched()
		s.yielded = true
	}
	return s.fillIdle(timeout)
}

// readInto reads directly into p. All that was buffered must have been used.
func (s *stream) readInto(p []byte, timeout time.Duration) (int, error) {
	s.release()
	if err := s.armRead(timeout); err != nil {
		return 0, err
	}
	n, err := s.conn.Read(p)
	s.read += int64(n)
	if n == 0 && err == nil {
		err = io.ErrNoProgress
	}
	return n, err
}

func (s *stream) filled(n int, err error) error {
	s.r, s.w = 0, n
	s.read += int64(n)
	if n > 0 {
		return nil
	}
	s.release()
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// ask writes what out holds to an idle connection, and waits for the first bytes of
// the response. It checks the connection before it writes: errGone means that the
// peer has closed it or sent something without a request, and nothing was sent.
//
// On TCP, check, write and wait are one visit to the poller. The check replaces the
// read attempt that would fail right after the write, so it costs nothing. On a
// busy machine the response is there after a yield.
func (s *stream) ask(send, read time.Duration) error {
	if s.raw == nil {
		if !s.isQuiet() {
			return errGone
		}
		if err := s.out.flush(send); err != nil {
			return err
		}
		return s.fill(read)
	}
	if err := s.armRead(read); err != nil {
		return err
	}
	s.asking = true
	err := s.wait()
	if s.asking {
		s.asking = false
		return errGone
	}
	if err != nil || s.buffered() > 0 {
		return err
	}
	if err := s.out.flush(send); err != nil { // the socket did not accept all of it at once
		return err
	}
	return s.fill(read)
}

// holds reports whether the peer has sent more than was used, in any buffer between
// here and the socket. If so, the connection may be unusable afterwards.
func (s *stream) holds() bool {
	return s.buffered() > 0 || s.records != nil && s.records.Holds(s.conn, s.first[:])
}

// isQuiet reports whether an idle connection is still idle: the peer has neither
// closed it nor sent anything. What it reads is lost, because such a connection
// can't be used.
//
// With TLS the peer sends session tickets after the handshake (RFC 8446 §4.6.1),
// which are read with the first response: until then nothing can be concluded.
func (s *stream) isQuiet() bool {
	raw := s.raw
	if raw == nil && s.read > 0 {
		raw = s.under
	}
	if raw == nil {
		return true
	}
	quiet := false
	err := raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, err := wire.ReadNow(fd, b[:])
		quiet = err == syscall.EAGAIN
		return true
	})
	return err == nil && quiet
}

// wait reads into a buffer once the TCP connection has something to read.
func (s *stream) wait() error {
	s.got = nil
	if err := s.raw.Read(s.ready); err != nil {
		return err
	}
	return s.got
}

// readable is called by the runtime's poller, at once and then whenever the
// descriptor may have become readable; it returns false to wait again. It takes the
// buffer, so that none is held while waiting.
func (s *stream) readable(fd uintptr) bool {
	if s.asking {
		return s.checkAndPush(fd)
	}
	if s.in == nil {
		s.in = wire.TakeBuffer()
	}
	n, err := wire.ReadNow(fd, s.in[:])
	if s.yielded {
		s.yielded = false
		s.yield.learn(err != syscall.EAGAIN)
	}
	if err == syscall.EAGAIN {
		s.release()
		return false
	}
	if n == 0 && err == nil {
		err = io.EOF
	}
	s.got = s.filled(n, err)
	return true
}

// checkAndPush is the first call for ask. It leaves asking set if the connection
// can't be used. Otherwise ask waits, or writes the rest of the output.
func (s *stream) checkAndPush(fd uintptr) bool {
	if _, err := wire.ReadNow(fd, s.first[:]); err != syscall.EAGAIN {
		return true
	}
	s.asking = false
	done, err := s.out.push(fd)
	if !done || err != nil {
		return true
	}
	if !s.yield.due(0) {
		return false
	}
	runtime.Gosched()
	there := s.readable(fd)
	s.yield.learn(there)
	return there
}

// armRead sets the deadline of the next read.
func (s *stream) armRead(timeout time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return errStopped
	}
	if s.suspended {
		timeout = 0
	}
	if at, needed := s.readBy.Renew(timeout); needed {
		return s.conn.SetReadDeadline(at)
	}
	return nil
}

// interrupt ends the pending read, and makes every later one fail until resume. It
// may be called from any goroutine.
func (s *stream) interrupt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.stopped = true
		s.readBy.At = time.Unix(1, 0)
		_ = s.conn.SetReadDeadline(s.readBy.At) // fails only for a closed connection
	}
}

func (s *stream) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = false
}

// suspendDeadline lets reads take any time until resumeDeadline is called, which
// may happen in another goroutine and applies to the pending read, too.
func (s *stream) suspendDeadline() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.suspended = true
}

func (s *stream) resumeDeadline(timeout time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.suspended = false
	if at, needed := s.readBy.Renew(timeout); needed {
		_ = s.conn.SetReadDeadline(at) // fails only for a closed connection
	}
}
