package proxy

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// The bounds of what is mirrored. A namespace has its own, so that a slow target of
// one team takes nothing from another's.
const (
	mirrorsOfNamespace     = 64      // at a time
	mirrorBytesOfNamespace = 8 << 20 // of bodies
	mirrorsOfAll           = 1024
	mirrorBytesOfAll       = 64 << 20

	mostMirrored   = 1 << 20 // of the body of one request
	mostMirrorRead = 1 << 20 // of the body of an answer
	mirrorTime     = 30 * time.Second
	mirrorTries    = 2 // the first may meet a connection that has ended
)

// mirroredField marks a copy. Requests with it are not mirrored again, so mirrors
// that lead back to a gateway do not loop.
const mirroredField = "x-gatelodge-mirrored"

// mirrors counts the copies that are under way, or that wait for the body of their
// request.
type mirrors struct {
	ctx  context.Context
	stop context.CancelFunc

	mu          sync.Mutex
	all         mirrorUse
	byNamespace map[string]*mirrorUse // those that have some
}

type mirrorUse struct {
	requests int
	bytes    int
}

func newMirrors() *mirrors {
	m := &mirrors{byNamespace: make(map[string]*mirrorUse)}
	m.ctx, m.stop = context.WithCancel(context.Background())
	return m
}

// enter counts a further copy, and reports whether there may be one.
func (m *mirrors) enter(namespace string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	own := m.byNamespace[namespace]
	if own == nil {
		own = new(mirrorUse)
	}
	if own.requests >= mirrorsOfNamespace || m.all.requests >= mirrorsOfAll || m.ctx.Err() != nil {
		return false
	}
	m.byNamespace[namespace] = own
	own.requests++
	m.all.requests++
	return true
}

// take counts further bytes of a copy, and reports whether it may have them.
func (m *mirrors) take(namespace string, n int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	own := m.byNamespace[namespace]
	if own.bytes+n > mirrorBytesOfNamespace || m.all.bytes+n > mirrorBytesOfAll {
		return false
	}
	own.bytes += n
	m.all.bytes += n
	return true
}

// leave ends a copy that has so many bytes.
func (m *mirrors) leave(namespace string, bytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	own := m.byNamespace[namespace]
	for _, use := range []*mirrorUse{own, &m.all} {
		use.requests--
		use.bytes -= bytes
	}
	if own.requests == 0 {
		delete(m.byNamespace, namespace)
	}
}

// mirror makes a copy of the request, and sends it in the background: at once, or
// when the body was read, if it has one.
func (r *request) mirror(m *gatelodge.Mirror) {
	if r.x.Upgrade != "" || r.x.Header.Has(mirroredField) || m.Share < 1 && rand.Float64() >= m.Share {
		return
	}
	b := r.table.backends.Get(m.Backend)
	if b == nil {
		return
	}
	namespace := r.route.source.Object.Namespace
	body := m.Body && r.x.Length != 0
	switch {
	case len(b.eligible) == 0:
		b.series.mirrored("failed")
	case body && r.x.Length > mostMirrored, !r.server.mirrors.enter(namespace):
		b.series.mirrored("dropped")
	default:
		c := r.copyFor(m, b, namespace)
		if body {
			r.body.copy = c
		} else {
			go c.run()
		}
	}
}

// requestCopy is a copy of a request, which outlives it.
type requestCopy struct {
	mirrors   *mirrors
	backend   *backend
	namespace string

	method, authority, path, query string
	header                         exchange.Fields
	body                           []byte

	over bool // it was sent or given up, and is another goroutine's
}

func (r *request) copyFor(m *gatelodge.Mirror, b *backend, namespace string) *requestCopy {
	path := m.Path
	if !m.Fixed {
		path += r.path
	}
	c := &requestCopy{
		mirrors: r.server.mirrors, backend: b, namespace: namespace,
		method: strings.Clone(r.x.Method), authority: m.Host, path: strings.Clone(path), query: strings.Clone(r.x.Query),
		header: make(exchange.Fields, 0, len(r.x.Header)+1),
	}
	for _, f := range r.x.Header {
		c.header.Add(strings.Clone(f.Name), strings.Clone(f.Value))
	}
	c.header.Add(mirroredField, "1")
	return c
}

// add takes a part of the request's body, and sends the copy at its end.
func (c *requestCopy) add(p []byte, end bool) {
	switch {
	case c.over:
	case len(c.body)+len(p) > mostMirrored, !c.mirrors.take(c.namespace, len(p)):
		c.giveUp()
	default:
		if c.body = append(c.body, p...); end {
			c.over = true
			go c.run()
		}
	}
}

// restart is called where the body is read again from its beginning.
func (c *requestCopy) restart() {
	if !c.over {
		c.mirrors.take(c.namespace, -len(c.body))
		c.body = c.body[:0]
	}
}

// end is called at the end of the request, whose body has so many bytes, -1 if that
// is not known: one that was not read to its end is not mirrored.
func (c *requestCopy) end(length int64) {
	if !c.over && int64(len(c.body)) == length {
		c.add(nil, true)
	} else if !c.over {
		c.giveUp()
	}
}

func (c *requestCopy) giveUp() {
	c.over = true
	c.backend.series.mirrored("dropped")
	c.mirrors.leave(c.namespace, len(c.body))
	c.body = nil
}

// run sends the copy, and another time to an endpoint that did not process it.
func (c *requestCopy) run() {
	defer c.mirrors.leave(c.namespace, len(c.body))
	ctx, cancel := context.WithTimeout(c.mirrors.ctx, mirrorTime)
	defer cancel()
	choose := choice{backend: c.backend}
	for range mirrorTries {
		choose.now = time.Now()
		m := choose.roundRobin()
		if m == nil {
			break
		}
		choose.tried = append(choose.tried, m.endpoint)
		answered, err := c.send(ctx, m.endpoint)
		if answered {
			c.backend.series.mirrored("answered")
			return
		}
		if isUnsent(err) && !errors.Is(err, exchange.ErrUnprocessed) {
			m.health.leave(choose.now.Add(avoidRefused))
		} else if !errors.Is(err, exchange.ErrUnprocessed) {
			break
		} else if len(c.backend.eligible) == 1 {
			choose.tried = nil // on another connection
		}
	}
	c.backend.series.mirrored("failed")
}

// send sends the copy to an endpoint, and reports whether that answered.
func (c *requestCopy) send(ctx context.Context, e *endpoint) (answered bool, err error) {
	cancellation := &exchange.Cancellation{}
	stop := context.AfterFunc(ctx, cancellation.ClientGone)
	defer stop()
	scheme := "http"
	if c.backend.source.Protocol.OverTLS() {
		scheme = "https"
	}
	var answer droppedAnswer
	err = e.handle(&exchange.Exchange{
		Context: ctx, Cancellation: cancellation, Version: exchange.HTTP11,
		Method: c.method, Scheme: scheme, Authority: c.authority, Path: c.path, Query: c.query,
		Header: c.header, Length: int64(len(c.body)), Body: &checkBody{rest: c.body}, Response: &answer,
	})
	return answer.begun, err
}

// droppedAnswer is an answer that no client gets.
type droppedAnswer struct {
	begun bool
	size  int
}

// Interim drops an interim response.
func (a *droppedAnswer) Interim(int, exchange.Fields) error { return nil }

// Head notes that there is an answer.
func (a *droppedAnswer) Head(int, exchange.Fields, int64) error {
	a.begun = true
	return nil
}

// Write drops a part of the body, so that the connection can be used again, unless
// there is too much of it.
func (a *droppedAnswer) Write(p []byte) (int, error) {
	if a.size += len(p); a.size > mostMirrorRead {
		return 0, exchange.ErrClient
	}
	return len(p), nil
}

// Flush does nothing.
func (a *droppedAnswer) Flush() error { return nil }

// Trailers drops the fields after the body.
func (a *droppedAnswer) Trailers(exchange.Fields) error { return nil }

// Tunnel refuses an upgrade, which was not asked for.
func (a *droppedAnswer) Tunnel(string, exchange.Fields) (exchange.Tunnel, error) {
	return nil, exchange.ErrClient
}
