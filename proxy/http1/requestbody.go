package http1

import (
	"errors"
	"io"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// requestBody is the body of a request for its handler (exchange.Body).
type requestBody struct {
	body
	ex       *exchange.Exchange
	response *response
}

func (b *requestBody) Read(p []byte) (int, error) {
	if b.ex.ExpectsContinue {
		if err := b.response.ask(); err != nil {
			return 0, err
		}
	}
	n, err := b.body.Read(p)
	b.ex.Received += int64(n)
	if err == nil || err == io.EOF {
		return n, err
	}
	if errors.Is(err, errStopped) {
		return n, wire.Blame(exchange.ErrClient, "reading the body", errStopped)
	}
	return n, wire.Blame(exchange.ErrClient, "reading the body", err)
}

// Close may run during a Read in another goroutine. The connection deals with the
// rest of the body.
func (b *requestBody) Close() error {
	if b.how != none {
		b.bc.interrupt()
	}
	return nil
}

// Reopen lets reads go on where they were ended.
func (b *requestBody) Reopen() {
	if b.how != none {
		b.bc.resume()
	}
}

// Buffered returns what can be read without waiting (exchange.Buffered).
func (b *requestBody) Buffered() (n int64, whole bool) {
	n = min(int64(b.bc.buffered()), b.left)
	return n, b.how == none || b.how == sized && n == b.left
}

// ask sends 100 (Continue) once to a client that waits for it (RFC 9110 §10.1.1).
func (r *response) ask() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.continued || r.begun {
		return nil
	}
	r.continued = true
	o := &r.c.bc.out
	o.grow()
	o.b = append(o.b, "HTTP/1.1 100 Continue\r\n\r\n"...)
	return r.wrote(o.flush(r.send))
}
