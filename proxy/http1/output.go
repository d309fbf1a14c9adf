package http1

import (
	"net"
	"syscall"
	"time"

	"gatelodge.dev/proxy/wire"
)

// direct is the size from which bytes are not copied: they are written in one
// system call together with what is buffered before them.
const direct = 4 << 10

// output buffers what is to be written to a connection. It holds a buffer only
// while that is not empty.
type output struct {
	conn   net.Conn
	raw    syscall.RawConn // as in bufConn
	ready  func(fd uintptr) bool
	failed error         // the error that writable found
	left   time.Duration // how long writable may wait in total
	buf    *wire.Buffer  // where b starts; b leaves it if a head is longer
	b      []byte
	by     wire.Deadline
	wrote  int64 // bytes that the connection accepted

	parts [3][]byte
	vec   net.Buffers // parts, as WriteTo uses it up
}

// grow prepares b for appending.
func (o *output) grow() {
	if o.buf == nil {
		o.buf = wire.TakeBuffer()
		o.b = o.buf[:0]
	}
}

// drop discards what was not written.
func (o *output) drop() {
	if o.buf != nil {
		wire.GiveBuffer(o.buf)
		o.buf, o.b = nil, nil
	}
}

// moveTo moves what was not written to another output.
func (o *output) moveTo(to *output) {
	to.buf, to.b = o.buf, o.b
	o.buf, o.b = nil, nil
}

// write adds p and then tail, which is short, and sends what does not fit.
func (o *output) write(p []byte, tail string, timeout time.Duration) error {
	if o.raw != nil && len(p) >= direct {
		return o.writeAll(p, tail, timeout)
	}
	for {
		o.grow()
		n := min(len(p), max(0, cap(o.b)-len(o.b)))
		o.b = append(o.b, p[:n]...)
		p = p[n:]
		if len(p) == 0 {
			o.b = append(o.b, tail...)
			return nil
		}
		if err := o.flush(timeout); err != nil {
			return err
		}
	}
}

// writeAll sends what is buffered, p and tail, without copying p.
func (o *output) writeAll(p []byte, tail string, timeout time.Duration) error {
	if err := o.arm(timeout); err != nil {
		return err
	}
	o.grow()
	before := len(o.b)
	o.b = append(o.b, tail...)
	o.parts = [3][]byte{o.b[:before], p, o.b[before:]}
	o.vec = o.parts[:]
	n, err := o.vec.WriteTo(o.conn)
	o.wrote += n
	o.parts, o.vec = [3][]byte{}, nil
	o.drop()
	return err
}

// flush sends what is buffered.
func (o *output) flush(timeout time.Duration) error {
	if len(o.b) == 0 {
		return nil
	}
	if o.raw != nil {
		return o.flushRaw(timeout)
	}
	if err := o.arm(timeout); err != nil {
		return err
	}
	n, err := o.conn.Write(o.b)
	o.wrote += int64(n)
	o.drop()
	return err
}

// flushRaw sends what is buffered on TCP. A connection that has always accepted
// everything at once has no deadline; most never need one.
func (o *output) flushRaw(timeout time.Duration) error {
	o.failed, o.left = nil, timeout
	if !o.by.At.IsZero() {
		if err := o.arm(timeout); err != nil {
			return err
		}
	}
	err := o.raw.Write(o.ready)
	o.drop()
	if err == nil {
		err = o.failed
	}
	return err
}

// writable is called by the runtime's poller, at once and then whenever the
// descriptor may have become writable; it returns false to wait again.
func (o *output) writable(fd uintptr) bool {
	done, err := o.push(fd)
	if !done && err == nil {
		err, o.left = o.arm(o.left), wire.Keep
	}
	o.failed = err
	return done || err != nil
}

// push writes what the descriptor accepts without waiting, and reports whether
// that was everything.
func (o *output) push(fd uintptr) (done bool, err error) {
	for len(o.b) > 0 {
		n, err := wire.WriteNow(fd, o.b)
		if err == syscall.EAGAIN {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		o.wrote += int64(n)
		o.b = o.b[n:]
	}
	o.drop()
	return true, nil
}

func (o *output) arm(timeout time.Duration) error {
	if at, needed := o.by.Renew(timeout); needed {
		return o.conn.SetWriteDeadline(at)
	}
	return nil
}
