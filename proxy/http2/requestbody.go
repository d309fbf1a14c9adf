package http2

import (
	"io"
	"time"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// requestBody is the body of a request for its handler (exchange.Body).
type requestBody struct {
	r       *request
	timeout time.Duration // between two reads
}

func (b *requestBody) Read(p []byte) (int, error) {
	r := b.r
	if len(p) == 0 {
		return 0, nil
	}
	if r.ex.Upgrade != "" { // the following bytes belong to the tunnel
		return 0, io.EOF
	}
	if r.ex.ExpectsContinue {
		if err := r.response.ask(); err != nil {
			return 0, err
		}
	}
	n, err := r.st.read(p, b.timeout)
	r.ex.Received += int64(n)
	if err == nil || err == io.EOF {
		return n, err
	}
	return n, wire.Blame(exchange.ErrClient, "reading the body", err)
}

// Trailers returns the trailers after io.EOF.
func (b *requestBody) Trailers() exchange.Fields {
	b.r.c.link.mu.Lock()
	defer b.r.c.link.mu.Unlock()
	return b.r.trailers
}

// Close may be called during a Read in another goroutine.
func (b *requestBody) Close() error {
	b.r.st.stop(true)
	return nil
}

// Reopen lets reads continue after Close.
func (b *requestBody) Reopen() { b.r.st.stop(false) }

// Buffered returns what can be read without waiting (exchange.Buffered).
func (b *requestBody) Buffered() (n int64, whole bool) {
	st := &b.r.st
	st.l.mu.Lock()
	defer st.l.mu.Unlock()
	return int64(st.in.size), st.inEnded
}
