package http2

import (
	"io"
	"net"
	"syscall"
	"time"

	"gatelodge.dev/proxy/wire"
)

// input contains the bytes that were read from a connection and not used yet. It has no
// buffer while it waits with nothing in it.
type input struct {
	conn net.Conn

	// raw is the descriptor of a TCP connection, nil for any other (TLS, a pipe). With
	// it the input can wait without a buffer.
	raw   syscall.RawConn
	ready func(fd uintptr) bool // the method readable, bound once
	got   error                 // the error that readable got

	records *wire.Records // below TLS; nil for others

	buf   *wire.Buffer // holds buf[r:w]; may be nil if it is empty
	r, w  int
	first [1]byte // for a read without a buffer
	by    wire.Deadline
}

func (in *input) init(conn net.Conn, read []byte) {
	in.conn = conn
	in.records = wire.RecordsOf(conn)
	if tcp, ok := conn.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			in.raw = raw
			in.ready = in.readable
		}
	}
	if len(read) > 0 {
		in.buf = wire.TakeBuffer()
		in.w = copy(in.buf[:], read)
	}
}

// buffered returns the bytes that were not used yet.
func (in *input) buffered() []byte {
	if in.buf == nil {
		return nil
	}
	return in.buf[in.r:in.w]
}

// release returns the buffer if it is empty.
func (in *input) release() {
	if in.buf != nil && in.r == in.w {
		wire.GiveBuffer(in.buf)
		in.buf, in.r, in.w = nil, 0, 0
	}
}

// fill waits for more bytes, at most for timeout, and adds them to the buffer, which
// always has room.
func (in *input) fill(timeout time.Duration) error {
	if at, needed := in.by.Renew(timeout); needed {
		if err := in.conn.SetReadDeadline(at); err != nil {
			return err
		}
	}
	in.release()
	if in.r > 0 {
		in.r, in.w = 0, copy(in.buf[:], in.buf[in.r:in.w])
	}
	switch {
	case in.raw != nil:
		in.got = nil
		if err := in.raw.Read(in.ready); err != nil {
			return err
		}
		return in.got
	case in.buf == nil:
		n, err := in.conn.Read(in.first[:])
		if n > 0 {
			in.buf = wire.TakeBuffer()
			in.buf[0] = in.first[0]
			n += in.records.ReadNow(in.conn, in.buf[n:]) // otherwise the rest of a frame would come byte by byte
		}
		return in.filled(n, err)
	}
	return in.filled(in.conn.Read(in.buf[in.w:]))
}

// readable is called by the runtime's poller, at once and then whenever the descriptor
// may have become readable; it returns false to wait again.
func (in *input) readable(fd uintptr) bool {
	if in.buf == nil {
		in.buf = wire.TakeBuffer()
	}
	n, err := wire.ReadNow(fd, in.buf[in.w:])
	if err == syscall.EAGAIN {
		in.release()
		return false
	}
	if n == 0 && err == nil {
		err = io.EOF
	}
	in.got = in.filled(n, err)
	return true
}

func (in *input) filled(n int, err error) error {
	in.w += n
	if n > 0 {
		return nil
	}
	in.release()
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}
