package http2

import (
	"io"
	"time"

	"gatelodge.dev/proxy/wire"
)

// tunnel is a stream after an extended CONNECT (exchange.Tunnel), of the client or the
// endpoint. It has no read timeout.
type tunnel struct {
	st             *stream
	send           time.Duration
	whom           error // ErrClient or ErrBackend, which errors wrap
	received, sent *int64
}

func (t *tunnel) Read(p []byte) (int, error) {
	n, err := t.st.read(p, 0)
	*t.received += int64(n)
	if err != nil && err != io.EOF {
		err = wire.Blame(t.whom, "reading from a tunnel", err)
	}
	return n, err
}

// WriteTo copies everything to w. Unlike a loop around Read it has no buffer while it
// waits (io.WriterTo).
func (t *tunnel) WriteTo(w io.Writer) (int64, error) {
	var total int64
	var p part
	for {
		var err error
		if p, err = t.st.next(p, 0); err == io.EOF {
			return total, nil
		} else if err != nil {
			return total, wire.Blame(t.whom, "reading from a tunnel", err)
		}
		*t.received += int64(len(p.b))
		n, err := w.Write(p.b)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
}

func (t *tunnel) Write(p []byte) (int, error) {
	n, err := t.st.write(p, t.send)
	*t.sent += int64(n)
	if err != nil {
		return n, wire.Blame(t.whom, "writing to a tunnel", err)
	}
	t.st.l.mu.Lock()
	t.st.l.flush()
	t.st.l.mu.Unlock()
	return n, nil
}

func (t *tunnel) CloseWrite() error {
	l := t.st.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := t.st.sendable(); err != nil {
		return wire.Blame(t.whom, "ending a tunnel", err)
	}
	t.st.end()
	l.flush()
	return nil
}

// Close resets the stream, unless both directions have ended.
func (t *tunnel) Close() error {
	l := t.st.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.st.broken == nil && !(t.st.inEnded && t.st.outEnded) {
		_ = l.reset(t.st.id, codeCancel, errEnded) // fails for what a peer does
		l.flushLater()
	}
	return nil
}
