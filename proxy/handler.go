package proxy

import (
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// handle serves a request: it finds the route in the table, applies the steps of
// the route's policy and forwards the request to the backend. Every request is
// answered, counted and logged here.
func (s *Server) handle(x *exchange.Exchange) error {
	r := s.begin(x)
	defer s.end(r)
	return r.serve()
}

func (r *request) serve() error {
	refused := r.locate()
	if r.table.tracer != nil {
		r.trace()
	}
	for i := 0; refused == nil && i < len(r.route.steps); i++ {
		if refused = r.route.steps[i](r); refused == rerouted {
			refused, i = nil, -1
		}
	}
	if refused != nil {
		return r.answer(refused)
	}
	return r.finish(r.conclude(r.forward()))
}

// finish completes the response with what policies still hold of it, and returns
// the error that aborts it: err, if there is one.
func (r *request) finish(err error) error {
	if r.held == nil {
		return err
	}
	ended := r.held.finish(err)
	if ended != nil && err == nil {
		r.reason = ended.Error()
	}
	return ended
}

// locate finds the canonical path and host, the client, and the route. It returns
// an answer to a request that has no route, whose path can be read in several
// ways, or that is an ACME challenge.
func (r *request) locate() *answer {
	var err error
	if r.path, err = gatelodge.CanonicalPath(r.x.Path); err != nil {
		return badRequest("the path " + err.Error())
	}
	var ok bool
	if r.name, ok = canonicalHost(r.x.Authority); !ok {
		return badRequest("the host is not a valid name")
	}
	r.identify()
	h := r.table.host(r.name)
	if h != nil && h.views != nil {
		h = r.table.inView(h, r.x.Conn.View)
	}
	if why := r.misdirected(h); why != "" {
		return misdirectedRequest(why)
	}
	if a := r.challenge(); a != nil {
		return a
	}
	if h == nil {
		return notFound("no host")
	}
	r.host = h
	path := gatelodge.PathForm(r.path)
	if r.route = h.match(path); r.route == nil {
		return notFound("no route")
	}
	return r.ambiguous(path)
}

// misdirected says why the request must not be answered on its connection (RFC
// 9110 §7.4), and "" if it may: the connection was made for another host with a
// certificate that does not cover this one, or under another rule for client
// certificates, for example because the rule has changed, or this host's connections
// are passed on.
func (r *request) misdirected(h *host) string {
	t := r.x.Conn.TLS
	if t == nil {
		return ""
	}
	if h != nil && h.source.Passthrough != nil {
		return "its connections are passed on"
	}
	if h != nil && r.clientTrust() != h.source.ClientTrustKey() {
		return "another rule for client certificates"
	}
	if t.ServerName == "" {
		return ""
	}
	shown, ok := canonicalHost(t.ServerName)
	if ok && shown == r.name || t.Handshake != nil && t.Handshake.Covers(r.name) {
		return ""
	}
	return "host differs from SNI"
}

// step is one policy of a route, compiled. It returns nil to let the request
// pass, or the answer that ends it here.
type step func(*request) *answer

// named is a step with the name by which people are told of it.
type named struct {
	name string
	step step
}

// namedSteps compiles the policies of a route, and of its host, in the order in which
// they are applied. A policy of the route that is not set is no step; that of the
// host is looked up in the request, because hosts may share their routes.
func (s *Server) namedSteps(route *gatelodge.Route) []named {
	p := route.Policy
	redirect := redirectTo(p)
	address, password, service := s.admission(p)
	return slices.DeleteFunc([]named{
		{"hsts", hsts(p)},
		{"fields", editFields(p)},
		{"cors", cors(p)},
		{"error pages", errorPages(p)},
		{"body size", limitBody},
		{"redirect in clear text", inClearText(redirect)}, // one redirect rather than two
		{"snippet rewrites", rewritePhase(p)},
		{"redirect to HTTPS", redirectHTTPS(p)},
		{"client certificate", clientAuth},
		{"redirect", redirect},
		{"unavailable", refuseUnavailable(p)},
		{"client address", address},
		{"snippet access", snippetAccess(p)},
		{"client limits", s.limitClients(route)}, // before passwords are checked
		{"password", password},
		{"external auth", service},
		{"rewrite", rewrite(p)},
		{"backend URLs", backendURLs(p)},
		{"canary", split(route)}, // before what is bounded for each backend
		{"timeouts", timeouts(p)},
		{"request buffering", bufferRequest(p)}, // a slow client must not take a backend's turn
		{"backend limits", limitBackend(p)},
		{"bandwidth", limitRate(p)},
		{"response buffering", bufferResponse(p)},
		{"compression", compress(p)}, // after the rate: that holds for what is sent
	}, func(n named) bool { return n.step == nil })
}

// steps are those of namedSteps, as a request runs through them.
func (s *Server) steps(route *gatelodge.Route) []step {
	list := s.namedSteps(route)
	steps := make([]step, len(list))
	for i, n := range list {
		steps[i] = n.step
	}
	return steps
}
