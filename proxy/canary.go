package proxy

import (
	"strings"

	"github.com/cespare/xxhash/v2"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// canary is a compiled gatelodge.Canary.
type canary struct {
	*gatelodge.Canary
	route *route // for its requests, with the policies of the main one
}

// canaryRule is the rule that sent a request to a canary.
type canaryRule uint8

const (
	canaryBySession canaryRule = iota + 1
	canaryByHeader
	canaryByCookie
	canaryByWeight
	canaryRules // the number of rules, including 0 for none
)

// String returns the rule's word in the access log and in metrics.
func (c canaryRule) String() string {
	return [...]string{"", "session", "header", "cookie", "weight"}[c]
}

// compileCanary compiles the canary of a route. Its metrics have the main route's
// object and the canary's own service.
func (s *Server) compileCanary(main *route, snapshot *gatelodge.Snapshot) {
	c := main.source.Canary
	source := *main.source
	source.Backend, source.Policy, source.Canary = c.Backend, c.Policy, nil
	alternative := &route{source: &source, steps: main.steps, inTurns: inTurns(c.Policy), series: s.seriesOf(&source, snapshot)}
	if main.source.Policy.Affinity != nil {
		main.session, alternative.session = sessionOf(main.source.Backend), sessionOf(c.Backend)
	}
	main.canary = &canary{c, alternative}
}

// split sends a part of the requests of a route to its canary. The following steps are
// the same for both.
func split(route *gatelodge.Route) step {
	if route.Canary == nil {
		return nil
	}
	return func(r *request) *answer {
		c := r.route.canary
		b := r.table.backends.Get(c.Backend)
		if b == nil || len(b.eligible) == 0 {
			return nil // as in ingress-nginx, whose canary then has no balancer (rootfs/etc/nginx/lua/balancer.lua)
		}
		if r.canary = r.canaryBy(c, b); r.canary != 0 {
			r.route = c.route
			r.route.series.toCanary(r.canary)
		}
		return nil
	}
}

// canaryBy returns the rule that sends the request to the canary, 0 for none. As in
// ingress-nginx, the order is session, header, cookie, weight.
func (r *request) canaryBy(c *canary, b *backend) canaryRule {
	if a := r.route.source.Policy.Affinity; a != nil {
		switch r.sessionAt(c, a) {
		case r.route:
			return 0
		case c.route:
			return canaryBySession
		}
	}
	if c.Header != "" {
		if value, ok := fieldValue(r.x.Header, c.Header); ok {
			if goes, decided := c.byHeader(value); goes {
				return canaryByHeader
			} else if decided {
				return 0
			}
		}
	}
	if c.Cookie != "" {
		switch cookieValue(r.x.Header, c.Cookie) {
		case gatelodge.CanaryAlways:
			return canaryByCookie
		case gatelodge.CanaryNever:
			return 0
		}
	}
	if c.Weight > 0 && unit(b.upstream.random())*float64(c.Total) < float64(c.Weight) {
		return canaryByWeight
	}
	return 0
}

// byHeader returns the decision of a header field's value. With a value or a pattern to
// compare, other values decide nothing.
func (c *canary) byHeader(value string) (goes, decided bool) {
	switch {
	case c.Value != "":
		goes = value == c.Value
		return goes, goes
	case c.Pattern != nil:
		goes = c.Pattern.MatchString(value)
		return goes, goes
	}
	goes = value == gatelodge.CanaryAlways
	return goes, goes || value == gatelodge.CanaryNever
}

// fieldValue returns the value of a field, or the joined values of several with one
// name, like nginx's $http_NAME.
func fieldValue(header exchange.Fields, name string) (value string, ok bool) {
	for i := range header {
		switch {
		case header[i].Name != name:
		case ok:
			value += ", " + header[i].Value
		default:
			value, ok = header[i].Value, true
		}
	}
	return value, ok
}

// sessionBackend separates the backend of a session from the key of its endpoint.
// ingress-nginx uses the same separator, and ignores the backend if there is no canary.
const sessionBackend = "|"

// sessionOf returns the text for a backend in a session cookie. It does not depend on
// the protocol and the checks of its endpoints.
func sessionOf(key gatelodge.BackendKey) string {
	port, _, _ := strings.Cut(string(key), "+")
	return sessionBackend + sessionValue(xxhash.Sum64String(port))
}

// sessionAt returns the route whose backend has the client's session, or nil. A session
// that started before there was a canary belongs to the main route.
func (r *request) sessionAt(c *canary, a *gatelodge.Affinity) *route {
	value := cookieValue(r.x.Header, a.Cookie)
	at := strings.IndexByte(value, sessionBackend[0])
	switch {
	case value == "":
		return nil
	case at < 0, value[at:] == r.route.session:
		return r.route
	case c.Policy.Affinity != nil && value[at:] == c.route.session:
		return c.route
	}
	return nil
}
