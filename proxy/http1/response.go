package http1

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// response writes the response to a request (exchange.Response). It buffers until
// the buffer is full, Flush is called or the handler returns, so that a head and a
// small body are sent together.
type response struct {
	c       *conn
	ex      *exchange.Exchange
	request *body         // of the request
	send    time.Duration // timeout of a write

	mu        sync.Mutex // guards the two that the request's body reads
	begun     bool       // Head or Tunnel was called
	continued bool       // 100 was sent, or the client does not wait for it

	close    bool  // the connection ends with this response
	chunked  bool  // the body is sent in chunks
	delimits bool  // the end of the connection ends the body
	empty    bool  // there is no body, whatever the length
	left     int64 // bytes left of the length that Head announced; -1: none
	ended    bool  // Trailers wrote the end
	failed   error // the error of a write; the connection is unusable
	tunnel   *tunnel
}

var (
	errOverrun = errors.New("the body is longer than the head announced")
	errBegun   = errors.New("the answer was begun before")
)

func (r *response) Interim(status int, header exchange.Fields) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ex.Version == exchange.HTTP10 || r.begun || status == 101 || status == 100 && r.continued {
		return r.failed
	}
	if status == 100 {
		r.continued = true
	}
	if err := wire.CheckFields(header); err != nil {
		return err
	}
	o := &r.c.bc.out
	o.grow()
	o.b = appendStatusLine(o.b, status)
	o.b = appendFields(o.b, header)
	o.b = append(o.b, "\r\n"...)
	return r.wrote(o.flush(r.send))
}

func (r *response) Head(status int, header exchange.Fields, length int64) error {
	if r.begun {
		return errBegun
	}
	if err := wire.CheckFields(header); err != nil {
		return err
	}
	r.begin()
	if r.ex.Version == exchange.HTTP11 && header.Has("trailer") {
		length = -1 // trailers need chunks (RFC 9112 §7.1.2)
	}
	r.frame(status, length)
	o := &r.c.bc.out
	o.grow()
	o.b = appendStatusLine(o.b, status)
	o.b = appendFields(o.b, header)
	if !header.Has("date") {
		o.b = append(o.b, "Date: "...) // RFC 9110 §6.6.1
		o.b = append(o.b, r.c.server.date.Now()...)
		o.b = append(o.b, "\r\n"...)
	}
	switch {
	case r.chunked:
		o.b = append(o.b, "Transfer-Encoding: chunked\r\n"...)
	case length >= 0 && status != 204:
		o.b = appendLength(o.b, length)
	}
	// After a 421 the client should use another connection (RFC 9110 §15.5.20),
	// which not every client does by itself.
	if status == 421 || r.c.server.leaving.Load() {
		r.close = true
	}
	switch {
	case r.close:
		o.b = append(o.b, "Connection: close\r\n"...)
	case r.ex.Version == exchange.HTTP10:
		o.b = append(o.b, "Connection: keep-alive\r\n"...)
	}
	o.b = append(o.b, "\r\n"...)
	return r.failed
}

// begin ends the time for interim responses. A client that still waits for a 100
// may or may not send its body after this, so the start of its next request can't
// be known, and the connection ends (RFC 9110 §10.1.1).
func (r *response) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun = true
	r.close = r.close || !r.continued
}

// frame chooses how the body is framed (RFC 9112 §6).
func (r *response) frame(status int, length int64) {
	r.left = length
	switch {
	case wire.Bodyless(status) || r.ex.Method == "HEAD":
		r.empty = true
	case length >= 0:
	case r.ex.Version == exchange.HTTP11:
		r.chunked = true
	default:
		r.close, r.delimits = true, true
	}
}

func (r *response) Write(p []byte) (int, error) {
	if r.failed != nil || r.empty || len(p) == 0 {
		return len(p), r.failed
	}
	o, tail := &r.c.bc.out, ""
	switch {
	case r.chunked:
		tail = "\r\n"
		o.grow()
		o.b = appendChunkSize(o.b, len(p))
	case r.left >= 0:
		if int64(len(p)) > r.left {
			return 0, fmt.Errorf("%d bytes more to come, %d written: %w", r.left, len(p), errOverrun)
		}
		r.left -= int64(len(p))
	}
	if err := r.wrote(o.write(p, tail, r.send)); err != nil {
		return 0, err
	}
	r.ex.Sent += int64(len(p))
	return len(p), nil
}

func (r *response) Flush() error {
	if r.failed != nil {
		return r.failed
	}
	return r.wrote(r.c.bc.out.flush(r.send))
}

func (r *response) Trailers(trailers exchange.Fields) error {
	if r.failed != nil || !r.chunked || r.ended {
		return r.failed
	}
	if err := wire.CheckFields(trailers); err != nil {
		return err
	}
	r.ended = true
	o := &r.c.bc.out
	o.grow()
	o.b = appendLastChunk(o.b, trailers)
	return nil
}

func (r *response) Tunnel(protocol string, header exchange.Fields) (exchange.Tunnel, error) {
	if r.begun {
		return nil, errBegun
	}
	if err := wire.CheckFields(header); err != nil {
		return nil, err
	}
	if !r.request.complete() {
		return nil, errors.New("tunnel: the body of the request has not been read")
	}
	if r.ex.Upgrade == "" || !wire.IsProtocol(protocol) {
		return nil, fmt.Errorf("tunnel %q: the client asked for %q", protocol, r.ex.Upgrade)
	}
	r.begin()
	r.close = true
	o := &r.c.bc.out
	o.grow()
	o.b = appendStatusLine(o.b, 101)
	o.b = append(o.b, "Connection: Upgrade\r\n"...)
	o.b = appendField(o.b, "upgrade", protocol)
	o.b = appendFields(o.b, header)
	o.b = append(o.b, "\r\n"...)
	if err := r.Flush(); err != nil {
		return nil, err
	}
	r.c.phase.Store(hijacked)
	r.tunnel = &tunnel{bc: &r.c.bc, send: r.send, whom: exchange.ErrClient, received: &r.ex.Received, sent: &r.ex.Sent}
	return r.tunnel, nil
}

// finish ends the response after the handler returned, and reports whether it is
// complete.
func (r *response) finish() bool {
	if r.failed != nil || r.left > 0 && !r.empty {
		return false
	}
	if r.chunked && !r.ended {
		o := &r.c.bc.out
		o.grow()
		o.b = appendLastChunk(o.b, nil)
	}
	return r.Flush() == nil
}

// wrote records the first error of a write, after which nothing is written.
func (r *response) wrote(err error) error {
	if err != nil && r.failed == nil {
		r.failed = wire.Blame(exchange.ErrClient, "writing the answer", err)
	}
	return r.failed
}
