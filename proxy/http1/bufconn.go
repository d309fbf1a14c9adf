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

// bufConn is a connection, to a client or to an endpoint, with its buffers for
// reading and writing and its deadlines. One goroutine may read while another
// writes.
type bufConn struct {
	conn net.Conn

	// raw is the descriptor of a TCP connection, nil for any other (TLS, a
	// pipe). It lets the connection wait without a buffer.
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

func (bc *bufConn) init(conn net.Conn) {
	bc.conn = conn
	bc.out.conn = conn
	bc.records = wire.RecordsOf(conn)
	if tcp, ok := conn.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			bc.raw = raw
			bc.ready = bc.readable
			bc.out.raw = raw
			bc.out.ready = bc.out.writable
		}
	}
}

// unwrapTLS lets isQuiet look below TLS.
func (bc *bufConn) unwrapTLS() {
	if bc.records != nil {
		bc.under, _ = bc.records.SyscallConn() // nil if the connection is already closed
	}
}

// hungUp reports whether the peer has ended its side of the connection. It may
// be called from any goroutine.
func (bc *bufConn) hungUp() (is bool) {
	nc := bc.conn
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
func (bc *bufConn) buffered() int { return bc.w - bc.r }

// take returns up to limit buffered bytes and counts them as used. They are
// valid until the next call that may wait.
func (bc *bufConn) take(limit int64) []byte {
	end := bc.w
	if limit < int64(end-bc.r) {
		end = bc.r + int(limit)
	}
	p := bc.in[bc.r:end]
	bc.r = end
	return p
}

// release returns the buffer to the pool if all of it was used.
func (bc *bufConn) release() {
	if bc.in != nil && bc.r == bc.w {
		wire.GiveBuffer(bc.in)
		bc.in, bc.r, bc.w = nil, 0, 0
	}
}

// close closes the connection and returns its buffers.
func (bc *bufConn) close() {
	bc.conn.Close()
	bc.r = bc.w
	bc.release()
	bc.out.drop()
}

// fill waits for bytes, at most for timeout, and buffers them. All that was
// buffered must have been used.
func (bc *bufConn) fill(timeout time.Duration) error {
	if err := bc.armRead(timeout); err != nil {
		return err
	}
	if bc.raw != nil {
		return bc.wait()
	}
	if bc.in == nil {
		bc.in = wire.TakeBuffer()
	}
	return bc.filled(bc.conn.Read(bc.in[:]))
}

// fillIdle is fill for a connection between two requests: it holds no buffer while
// it waits, for TLS as well.
func (bc *bufConn) fillIdle(timeout time.Duration) error {
	if bc.raw != nil {
		return bc.fill(timeout)
	}
	bc.release()
	if err := bc.armRead(timeout); err != nil {
		return err
	}
	n, err := bc.conn.Read(bc.first[:])
	if n > 0 {
		bc.in = wire.TakeBuffer()
		bc.in[0] = bc.first[0]
		n += bc.records.ReadNow(bc.conn, bc.in[n:]) // or a tunnel would go on byte by byte
	}
	return bc.filled(n, err)
}

// fillNext is fillIdle for a client's next request. On a busy machine that is there
// after a yield.
func (bc *bufConn) fillNext(timeout time.Duration) error {
	if bc.raw != nil && bc.yield.due(yieldRow) {
		runtime.Gosched()
		bc.yielded = true
	}
	return bc.fillIdle(timeout)
}

// readInto reads directly into p. All that was buffered must have been used.
func (bc *bufConn) readInto(p []byte, timeout time.Duration) (int, error) {
	bc.release()
	if err := bc.armRead(timeout); err != nil {
		return 0, err
	}
	n, err := bc.conn.Read(p)
	bc.read += int64(n)
	if n == 0 && err == nil {
		err = io.ErrNoProgress
	}
	return n, err
}

func (bc *bufConn) filled(n int, err error) error {
	bc.r, bc.w = 0, n
	bc.read += int64(n)
	if n > 0 {
		return nil
	}
	bc.release()
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
func (bc *bufConn) ask(send, read time.Duration) error {
	if bc.raw == nil {
		if !bc.isQuiet() {
			return errGone
		}
		if err := bc.out.flush(send); err != nil {
			return err
		}
		return bc.fill(read)
	}
	if err := bc.armRead(read); err != nil {
		return err
	}
	bc.asking = true
	err := bc.wait()
	if bc.asking {
		bc.asking = false
		return errGone
	}
	if err != nil || bc.buffered() > 0 {
		return err
	}
	if err := bc.out.flush(send); err != nil { // the socket did not accept all of it at once
		return err
	}
	return bc.fill(read)
}

// holds reports whether the peer has sent more than was used, in any buffer between
// here and the socket. If so, the connection may be unusable afterwards.
func (bc *bufConn) holds() bool {
	return bc.buffered() > 0 || bc.records != nil && bc.records.Holds(bc.conn, bc.first[:])
}

// isQuiet reports whether an idle connection is still idle: the peer has neither
// closed it nor sent anything. What it reads is lost, because such a connection
// can't be used.
//
// With TLS the peer sends session tickets after the handshake (RFC 8446 §4.6.1),
// which are read with the first response: until then nothing can be concluded.
func (bc *bufConn) isQuiet() bool {
	raw := bc.raw
	if raw == nil && bc.read > 0 {
		raw = bc.under
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
func (bc *bufConn) wait() error {
	bc.got = nil
	if err := bc.raw.Read(bc.ready); err != nil {
		return err
	}
	return bc.got
}

// readable is called by the runtime's poller, at once and then whenever the
// descriptor may have become readable; it returns false to wait again. It takes the
// buffer, so that none is held while waiting.
func (bc *bufConn) readable(fd uintptr) bool {
	if bc.asking {
		return bc.checkAndPush(fd)
	}
	if bc.in == nil {
		bc.in = wire.TakeBuffer()
	}
	n, err := wire.ReadNow(fd, bc.in[:])
	if bc.yielded {
		bc.yielded = false
		bc.yield.learn(err != syscall.EAGAIN)
	}
	if err == syscall.EAGAIN {
		bc.release()
		return false
	}
	if n == 0 && err == nil {
		err = io.EOF
	}
	bc.got = bc.filled(n, err)
	return true
}

// checkAndPush is the first call for ask. It leaves asking set if the connection
// can't be used. Otherwise ask waits, or writes the rest of the output.
func (bc *bufConn) checkAndPush(fd uintptr) bool {
	if _, err := wire.ReadNow(fd, bc.first[:]); err != syscall.EAGAIN {
		return true
	}
	bc.asking = false
	done, err := bc.out.push(fd)
	if !done || err != nil {
		return true
	}
	if !bc.yield.due(0) {
		return false
	}
	runtime.Gosched()
	there := bc.readable(fd)
	bc.yield.learn(there)
	return there
}

// armRead sets the deadline of the next read.
func (bc *bufConn) armRead(timeout time.Duration) error {
	bc.mu.Lock()
	defer bc.mu.Unlock()
	if bc.stopped {
		return errStopped
	}
	if bc.suspended {
		timeout = 0
	}
	if at, needed := bc.readBy.Renew(timeout); needed {
		return bc.conn.SetReadDeadline(at)
	}
	return nil
}

// interrupt ends the pending read, and makes every later one fail until resume. It
// may be called from any goroutine.
func (bc *bufConn) interrupt() {
	bc.mu.Lock()
	defer bc.mu.Unlock()
	if !bc.stopped {
		bc.stopped = true
		bc.readBy.At = time.Unix(1, 0)
		_ = bc.conn.SetReadDeadline(bc.readBy.At) // fails only for a closed connection
	}
}

func (bc *bufConn) resume() {
	bc.mu.Lock()
	defer bc.mu.Unlock()
	bc.stopped = false
}

// suspendDeadline lets reads take any time until resumeDeadline is called, which
// may happen in another goroutine and applies to the pending read, too.
func (bc *bufConn) suspendDeadline() {
	bc.mu.Lock()
	defer bc.mu.Unlock()
	bc.suspended = true
}

func (bc *bufConn) resumeDeadline(timeout time.Duration) {
	bc.mu.Lock()
	defer bc.mu.Unlock()
	bc.suspended = false
	if at, needed := bc.readBy.Renew(timeout); needed {
		_ = bc.conn.SetReadDeadline(at) // fails only for a closed connection
	}
}
