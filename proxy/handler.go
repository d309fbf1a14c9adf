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

// finish completes the response as far as policies are still buffering it. It
// returns the error that aborts the response, which is err if that is not nil.
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

// locate determines the canonical path and host, the client and the route. It
// returns an answer if the request has no route, has a path that can be read in
// several ways, or is an ACME challenge.
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

// misdirected returns why the request must not be answered on this connection (RFC
// 9110 §7.4), or "" if it may be. The connection may have been made for another
// host with a certificate that does not cover this one, or under a different rule
// for client certificates (for example because the rule has changed), or this host
// may use TLS passthrough.
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

// step is one compiled policy of a route. It returns nil to let the request pass,
// or the answer that ends it.
type step func(*request) *answer

// named is a step with the name that explain shows.
type named struct {
	name string
	step step
}

// namedSteps compiles the policies of a route in the order in which they are
// applied. Policies that are not set have no step. Policies of the host are looked
// up in the request, because several hosts may share routes.
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
		{"client limits", s.limitClients(route)}, // before any password is checked
		{"password", password},
		{"external auth", service},
		{"rewrite", rewrite(p)},
		{"backend URLs", backendURLs(p)},
		{"canary", split(route)}, // before the limits of each backend
		{"timeouts", timeouts(p)},
		{"request buffering", bufferRequest(p)}, // so that a slow client does not occupy a backend's slot
		{"backend limits", limitBackend(p)},
		{"bandwidth", limitRate(p)},
		{"response buffering", bufferResponse(p)},
		{"compression", compress(p)}, // after the rate limit, which applies to the bytes that are sent
	}, func(n named) bool { return n.step == nil })
}

// steps returns the steps of namedSteps without their names.
func (s *Server) steps(route *gatelodge.Route) []step {
	list := s.namedSteps(route)
	steps := make([]step, len(list))
	for i, n := range list {
		steps[i] = n.step
	}
	return steps
}
