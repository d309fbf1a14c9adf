package proxy

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// request is what the proxy knows of one exchange. It is used again for
// another when the exchange is over.
type request struct {
	x       *exchange.Exchange
	server  *Server
	table   *table // the one that was live when the request came
	started time.Time

	scheme  string         // what the client used towards us, or a trusted proxy before us
	trusted bool           // the peer is believed about the client
	path    string         // canonical
	name    gatelodge.Name // the host, canonical
	route   *route         // nil where none was found
	id      string         // X-Request-ID

	tried        []*endpoint   // in their order
	upstreamTime time.Duration // of all tries
	reason       string        // why the answer is ours, or what broke it off

	body     body
	response response
	fields   exchange.Fields // the memory of the fields that are forwarded
}

// begin puts the proxy between the exchange and its handler.
func (s *Server) begin(x *exchange.Exchange) *request {
	s.work.enter()
	r, _ := s.requests.Get().(*request)
	if r == nil {
		r = new(request)
	}
	r.x, r.server, r.table, r.started = x, s, s.table.Load(), time.Now()
	r.scheme = x.Scheme
	r.body.Body, r.body.limit = x.Body, r.table.settings.Limits.BodyBytes
	r.body.touched.Store(false)
	r.response.Response, r.response.server = x.Response, s
	x.Body, x.Response = &r.body, &r.response
	return r
}

// end counts and logs the request and forgets it.
func (s *Server) end(r *request) {
	took := time.Since(r.started)
	if r.response.tunnel != nil {
		s.work.forget(r.response.tunnel)
	}
	r.series().observe(r.x.Method, r.status(), took)
	s.log.request(r, took)
	r.x.Body, r.x.Response = r.body.Body, r.response.Response
	clear(r.fields)
	clear(r.tried)
	clear(r.response.fields)
	*r = request{fields: r.fields[:0], tried: r.tried[:0], response: response{fields: r.response.fields[:0]}}
	s.requests.Put(r)
	s.work.leave()
}

// refused counts and logs a request that was answered by the engine, because
// its head can't be read.
func (s *Server) refused(conn *exchange.Conn, status int, err error) {
	r := &request{
		x:       &exchange.Exchange{Conn: conn, Client: conn.Peer, Version: exchange.HTTP11},
		server:  s,
		table:   s.table.Load(),
		started: time.Now(),
		reason:  err.Error(),
	}
	r.response.status = status
	r.series().observe(r.x.Method, status, 0)
	s.log.request(r, 0)
}

// series is where the request is counted.
func (r *request) series() *requestSeries {
	if r.route == nil {
		return r.server.metrics.unrouted
	}
	return r.route.series
}

// statusGone is what the access log and metrics say of a client that went away
// before it was answered; it is never sent.
const statusGone = 499

// status is the final status that the client was sent.
func (r *request) status() int {
	if r.response.status == 0 {
		return statusGone
	}
	return r.response.status
}

// body is the request's body: it notices that it is read, which ends the time
// for retries, and bounds its size.
type body struct {
	exchange.Body
	touched atomic.Bool
	limit   int64 // 0: none
	size    int64
}

// Read reads from the client as long as the limit allows.
func (b *body) Read(p []byte) (int, error) {
	b.touched.Store(true)
	n, err := b.Body.Read(p)
	b.size += int64(n)
	if b.limit > 0 && b.size > b.limit {
		return 0, fmt.Errorf("%w: read body: %w: more than %d bytes", exchange.ErrClient, exchange.ErrTooLarge, b.limit)
	}
	return n, err
}

// Buffered is what the client has sent already.
func (b *body) Buffered() (n int64, whole bool) { return exchange.Buffered(b.Body) }

// Trailers returns the fields after the body, but for those that a backend may
// take for the head's: what those say was decided before the body came.
func (b *body) Trailers() exchange.Fields {
	var trailers exchange.Fields
	for _, f := range b.Body.Trailers() {
		if f.Name != "authorization" && !isForwarded(f.Name) && strings.IndexByte(f.Name, '_') < 0 {
			trailers = append(trailers, f)
		}
	}
	return trailers
}

// response is the way to the client: it notices what was answered.
type response struct {
	exchange.Response
	server *Server
	status int             // 0 as long as there was no final one
	hsts   string          // the Strict-Transport-Security field; "": as the backend has it
	fields exchange.Fields // the memory of the fields that are sent with it
	tunnel exchange.Tunnel // after an upgrade
}

// Head notes the status.
func (p *response) Head(status int, header exchange.Fields, length int64) error {
	p.status = status
	if p.hsts != "" {
		// Of two fields a browser heeds the first (RFC 6797 §8.1).
		p.fields = append(p.fields[:0], header...)
		p.fields.Set("strict-transport-security", p.hsts)
		header = p.fields
	}
	return p.Response.Head(status, header, length)
}

// Tunnel notes the tunnel, so that a drain can end it.
func (p *response) Tunnel(protocol string, header exchange.Fields) (exchange.Tunnel, error) {
	p.status = 101
	tunnel, err := p.Response.Tunnel(protocol, header)
	if err != nil {
		return nil, err
	}
	p.tunnel = tunnel
	p.server.work.remember(tunnel)
	return tunnel, nil
}

// begun tells whether the client has been answered, at least in part.
func (p *response) begun() bool { return p.status != 0 }
