package http2

import (
	"errors"
	"fmt"
	"time"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// response writes the answer to a request (exchange.Response). Frames stay in the
// connection's output until that is full, Flush is called or the handler returns, so
// that a head and a small body are sent together, also with those of other streams.
type response struct {
	r    *request
	send time.Duration // timeout of a write

	// Under the link's lock.
	begun     bool // Head or Tunnel was called
	continued bool // 100 was sent, or the client does not wait for it

	empty  bool  // there is no body, whatever the length is
	left   int64 // rest of the body that Head announced; -1 without a length
	ended  bool  // Head or Trailers wrote the end
	failed error
	tunnel *tunnel
}

var (
	errOverrun = errors.New("the body is longer than the head announced")
	errBegun   = errors.New("the answer was begun before")
)

func (p *response) Interim(status int, header exchange.Fields) error {
	if err := wire.CheckFields(header); err != nil {
		return err
	}
	l := &p.r.c.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.begun || status == 101 || status == 100 && p.continued {
		return p.failed
	}
	if status == 100 {
		p.continued = true
	}
	return p.wrote(p.sendInterim(status, header))
}

// sendInterim sends an interim response at once.
func (p *response) sendInterim(status int, header exchange.Fields) error {
	st := &p.r.st
	if err := st.sendable(); err != nil {
		return err
	}
	st.head(false, func(b []byte) []byte { return appendFields(appendStatus(b, status), header) })
	st.l.flush()
	return nil
}

// ask tells a client that waits to send its body, once (RFC 9110 §10.1.1).
func (p *response) ask() error {
	l := &p.r.c.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.continued || p.begun {
		return nil
	}
	p.continued = true
	if err := p.sendInterim(100, nil); err != nil {
		return wire.Blame(exchange.ErrClient, "asking for the body", err)
	}
	return nil
}

func (p *response) Head(status int, header exchange.Fields, length int64) error {
	if p.begun {
		return errBegun
	}
	if p.r.ex.Upgrade != "" && status >= 200 && status < 300 {
		// To an extended CONNECT this would open the tunnel (RFC 8441 §4).
		return fmt.Errorf("%w: it answered %d to a change to %s, and did not change", exchange.ErrBackend, status, p.r.ex.Upgrade)
	}
	if err := wire.CheckFields(header); err != nil {
		return err
	}
	c, st := p.r.c, &p.r.st
	l := &c.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := p.wrote(st.sendable()); err != nil {
		return err
	}
	p.begun, p.left = true, length
	p.empty = wire.Bodyless(status) || p.r.ex.Method == "HEAD"
	// After a 421 the client should use another connection (RFC 9110 §15.5.20), which
	// some clients don't do by themselves.
	if status == 421 || c.server.leaving.Load() {
		c.goAway()
	}
	// If nothing can follow, the head itself ends the stream: a gRPC client treats an
	// empty frame after it as missing trailers.
	p.ended = p.empty || length == 0
	st.head(p.ended, func(b []byte) []byte {
		b = appendStatus(b, status)
		b = appendFields(b, header)
		if !header.Has("date") {
			b = appendField(b, "date", c.server.date.Now()) // RFC 9110 §6.6.1
		}
		if length >= 0 && status != 204 {
			b = appendLength(b, length)
		}
		return b
	})
	return nil
}

func (p *response) Write(b []byte) (int, error) {
	if p.failed != nil || p.empty || len(b) == 0 {
		return len(b), p.failed
	}
	if p.left >= 0 {
		if int64(len(b)) > p.left {
			return 0, fmt.Errorf("%d bytes more to come, %d written: %w", p.left, len(b), errOverrun)
		}
		p.left -= int64(len(b))
	}
	n, err := p.r.st.write(b, p.send)
	p.r.ex.Sent += int64(n)
	return n, p.wrote(err)
}

func (p *response) Flush() error {
	l := &p.r.c.link
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
	if p.r.st.outEnded && p.r.st.broken == nil {
		return p.failed
	}
	return p.wrote(p.r.st.sendable())
}

func (p *response) Trailers(trailers exchange.Fields) error {
	if p.failed != nil || p.ended || len(trailers) == 0 {
		return p.failed
	}
	if err := wire.CheckFields(trailers); err != nil {
		return err
	}
	st := &p.r.st
	st.l.mu.Lock()
	defer st.l.mu.Unlock()
	if err := p.wrote(st.sendable()); err != nil {
		return err
	}
	p.ended = true
	st.head(true, func(b []byte) []byte { return appendFields(b, trailers) })
	return nil
}

func (p *response) Tunnel(protocol string, header exchange.Fields) (exchange.Tunnel, error) {
	if p.begun {
		return nil, errBegun
	}
	if p.r.ex.Upgrade == "" {
		return nil, fmt.Errorf("tunnel %q: the client did not ask for one", protocol)
	}
	if err := wire.CheckFields(header); err != nil {
		return nil, err
	}
	st := &p.r.st
	st.l.mu.Lock()
	defer st.l.mu.Unlock()
	if err := p.wrote(st.sendable()); err != nil {
		return nil, err
	}
	p.begun = true
	p.r.c.tunnels++
	st.head(false, func(b []byte) []byte { return appendFields(appendStatus(b, 200), header) })
	st.l.flush()
	p.tunnel = &tunnel{st: st, send: p.send, whom: exchange.ErrClient, received: &p.r.ex.Received, sent: &p.r.ex.Sent}
	return p.tunnel, nil
}

// wrote keeps the first error of a write, after which nothing can be written.
func (p *response) wrote(err error) error {
	if err != nil && p.failed == nil {
		p.failed = wire.Blame(exchange.ErrClient, "writing the answer", err)
	}
	return p.failed
}
