package http1

import (
	"io"
	"time"

	"gatelodge.dev/proxy/wire"
)

// tunnel is a connection after an upgrade (exchange.Tunnel), the client's or the
// endpoint's. What was read with the head comes first. It may be idle for any time;
// TCP keep-alive finds dead peers.
type tunnel struct {
	bc             *bufConn
	send           time.Duration
	whom           error // exchange.ErrClient or ErrBackend, for errors
	received, sent *int64
}

func (t *tunnel) Read(p []byte) (int, error) {
	var n int
	var err error
	if t.bc.buffered() > 0 {
		n = copy(p, t.bc.take(int64(len(p))))
	} else {
		n, err = t.bc.readInto(p, 0)
	}
	*t.received += int64(n)
	if err != nil && err != io.EOF {
		err = wire.Blame(t.whom, "reading from a tunnel", err)
	}
	return n, err
}

// WriteTo copies all that arrives to w (io.WriterTo). Unlike a loop around Read it
// holds no buffer while it waits.
func (t *tunnel) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for {
		if t.bc.buffered() == 0 {
			if err := t.bc.fillIdle(0); err == io.EOF {
				return total, nil
			} else if err != nil {
				return total, wire.Blame(t.whom, "reading from a tunnel", err)
			}
		}
		p := t.bc.take(wire.BufferSize)
		*t.received += int64(len(p))
		n, err := w.Write(p)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
}

func (t *tunnel) Write(p []byte) (int, error) {
	if err := t.bc.out.arm(t.send); err != nil {
		return 0, wire.Blame(t.whom, "writing to a tunnel", err)
	}
	n, err := t.bc.conn.Write(p)
	*t.sent += int64(n)
	if err != nil {
		err = wire.Blame(t.whom, "writing to a tunnel", err)
	}
	return n, err
}

func (t *tunnel) CloseWrite() error {
	half, ok := t.bc.conn.(halfCloser)
	if !ok {
		return t.Close()
	}
	if err := half.CloseWrite(); err != nil {
		return wire.Blame(t.whom, "ending a tunnel", err)
	}
	return nil
}

// Close leaves the buffer to the goroutine that reads, which may be using it.
func (t *tunnel) Close() error {
	return t.bc.conn.Close()
}
