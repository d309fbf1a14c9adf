package proxy

import (
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// request is the proxy's state of one exchange. It is reused for another when the
// exchange has ended.
type request struct {
	x       *exchange.Exchange
	server  *Server
	table   *table // the live one at the start of the request
	started time.Time

	scheme    string         // that the client used with us, or with a trusted proxy in front of us
	trusted   bool           // the peer is a trusted proxy
	path      string         // canonical
	asked     string         // path and query of the client, where a snippet may change them; "": those of x
	rewritten string         // the path that the backend gets instead; "": path
	name      gatelodge.Name // the host, canonical
	host      *host          // nil: none was found
	route     *route         // of host, or its canary; nil: none was found
	canary    canaryRule     // why it is that of the canary; 0: it is not
	id        string         // X-Request-ID

	asking bool // it is a question of ExternalAuth: the route must not ask in turn

	publicHost, publicPort string // what the client asked a trusted proxy for; "": not known

	tried        []*endpoint   // in order
	upstreamTime time.Duration // of all tries
	reason       string        // why the answer is our own, or why the response was aborted

	held    *held // what its policies took; nil: nothing
	spare   *held // memory for it
	retries retries

	body     body
	response response
	fields   exchange.Fields // memory for the forwarded fields
}

// begin makes the request of an exchange, whose body and response it wraps.
func (s *Server) begin(x *exchange.Exchange) *request {
	s.work.enter()
	r, _ := s.requests.Get().(*request)
	if r == nil {
		r = new(request)
	}
	r.x, r.server, r.table, r.started = x, s, s.table.Load(), time.Now()
	r.scheme = x.Scheme
	r.body.Body, r.body.limit = x.Body, r.table.settings.Limits.BodyBytes
	r.response.Response, r.response.server, r.response.name = x.Response, s, r.table.settings.ServerName
	x.Body, x.Response = &r.body, &r.response
	return r
}

// end counts and logs the request, and recycles it.
func (s *Server) end(r *request) {
	took := time.Since(r.started)
	if r.response.tunnel != nil {
		s.work.forget(r.response.tunnel)
	}
	r.series().observe(r.x.Method, r.status(), took)
	s.log.request(r, took)
	if r.host != nil {
		r.host.recent.note(r, took)
	}
	if r.held != nil && r.held.span != nil && !r.asking {
		r.endTrace()
	}
	if r.body.copy != nil {
		r.body.copy.end(r.x.Length)
	}
	s.recycle(r)
}

// recycle makes the request available for reuse.
func (s *Server) recycle(r *request) {
	spare := r.spare
	if r.held != nil {
		r.held.release()
		spare = r.held
	}
	r.x.Body, r.x.Response = r.body.Body, r.response.Response
	clear(r.fields)
	clear(r.tried)
	clear(r.response.fields)
	kept := r.body.kept[:0]
	if cap(kept) > keptMemory {
		kept = nil
	}
	*r = request{spare: spare, body: body{kept: kept}, fields: r.fields[:0], tried: r.tried[:0], response: response{fields: r.response.fields[:0]}}
	s.requests.Put(r)
	s.work.leave()
}

// refused counts and logs a request that the engine answered because its head is
// invalid.
func (s *Server) refused(version exchange.Version, conn *exchange.Conn, status int, err error) {
	r := &request{
		x:       &exchange.Exchange{Conn: conn, Client: conn.Peer, Version: version},
		server:  s,
		table:   s.table.Load(),
		started: time.Now(),
		reason:  err.Error(),
	}
	r.response.status = status
	r.series().observe(r.x.Method, status, 0)
	s.log.request(r, 0)
}

// series returns the series that the request is counted in.
func (r *request) series() *requestSeries {
	if r.route == nil {
		return r.server.metrics.unrouted
	}
	return r.route.series
}

// statusGone is the status in the access log and metrics for a client that left
// before it was answered. It is never sent.
const statusGone = 499

// status returns the final status that the client was sent.
func (r *request) status() int {
	if r.response.status == 0 {
		return statusGone
	}
	return r.response.status
}

// response is the response to the client. It records the status.
type response struct {
	exchange.Response
	server  *Server
	status  int    // 0: no final one yet
	name    string // the Server field, where the backend has none; "": none
	hsts    string // the Strict-Transport-Security field; "": the backend's, if any
	session string // a Set-Cookie field; "": none beside the backend's
	urls    *gatelodge.BackendURLs
	pages   *gatelodge.ErrorPages // for what the backend answers; nil: there are none
	edits   []fieldEdit           // of the fields, at the end
	ours    bool                  // the gateway makes it, not a backend
	fields  exchange.Fields       // memory for the fields with these
	tunnel  exchange.Tunnel       // after an upgrade
	timed   bool                  // headAt is wanted
	headAt  time.Time             // of the head; zero: there was none, or it is not wanted
	judge   *request              // which says what answers of endpoints are passed on; nil: all are
	call    bool                  // it may be that of a gRPC call: the endpoint speaks HTTP/2
	failed  bool                  // it is one that says UNAVAILABLE
}

// Head records the status, and adds the fields of our own. It returns
// a notPassedOn where another endpoint is to be tried, or where there is a page for
// the error.
func (p *response) Head(status int, header exchange.Fields, length int64) error {
	if p.judge != nil {
		if told := p.toldStatus(status, header); !p.judge.passesOn(told) {
			return &notPassedOn{told, false}
		}
	}
	if p.pages != nil && !p.ours && p.pages.Has(status) {
		return &notPassedOn{status, true}
	}
	p.callStatus(header) // without a message it comes with the head alone
	nameless := p.name != "" && !header.Has("server")
	if p.hsts != "" || p.session != "" || nameless || len(p.edits) > 0 || p.urls != nil {
		p.fields = append(p.fields[:0], header...)
		p.changeURLs()
		if p.hsts != "" {
			p.fields.Set("strict-transport-security", p.hsts) // of two a browser uses the first (RFC 6797 §8.1)
		}
		if p.session != "" {
			p.fields.Add("set-cookie", p.session)
		}
		if nameless {
			p.fields.Add("server", p.name)
		}
		p.edit(status)
		header = p.fields
	}
	if p.timed {
		p.headAt = time.Now()
	}
	err := p.Response.Head(status, header, length)
	if err == nil {
		p.status = status
	}
	return err
}

// Trailers passes trailers on, which have the status of a gRPC call.
func (p *response) Trailers(trailers exchange.Fields) error {
	p.callStatus(trailers)
	return p.Response.Trailers(trailers)
}

// Tunnel records the tunnel, so that a drain can close it, and adds the fields of
// our own that it may have.
func (p *response) Tunnel(protocol string, header exchange.Fields) (exchange.Tunnel, error) {
	if p.session != "" || len(p.edits) > 0 || p.urls != nil {
		p.fields = append(p.fields[:0], header...)
		p.changeURLs()
		if p.session != "" {
			p.fields.Add("set-cookie", p.session)
		}
		p.edit(101)
		header = p.fields
	}
	tunnel, err := p.Response.Tunnel(protocol, header)
	if err != nil {
		return nil, err
	}
	p.status, p.tunnel = 101, tunnel
	if p.timed {
		p.headAt = time.Now()
	}
	p.server.work.remember(tunnel)
	return tunnel, nil
}

// begun reports whether a part of the response was sent.
func (p *response) begun() bool { return p.status != 0 }
