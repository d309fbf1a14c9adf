package proxy

import (
	"strings"

	"github.com/cespare/xxhash/v2"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// canary is a gatelodge.Canary, compiled.
type canary struct {
	*gatelodge.Canary
	route *route // of its requests: the policies are those of the main one
}

// canaryRule is what decided that a request goes to a canary.
type canaryRule uint8

const (
	canaryBySession canaryRule = iota + 1
	canaryByHeader
	canaryByCookie
	canaryByWeight
	canaryRules // how many there are, with 0 for none
)

// String is the rule's word in the access log and in metrics.
func (c canaryRule) String() string {
	return [...]string{"", "session", "header", "cookie", "weight"}[c]
}

// compileCanary compiles the canary of a route, which is compiled otherwise. What is
// counted of it is counted for the route's object, with its own service.
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

// split sends a part of the requests of a route to its canary. The steps behind it
// are the same for both.
func split(route *gatelodge.Route) step {
	if route.Canary == nil {
		return nil
	}
	return func(r *request) *answer {
		c := r.route.canary
		b := r.table.backends.Get(c.Backend)
		if b == nil || len(b.eligible) == 0 {
			return nil // ingress-nginx has no balancer for it then (rootfs/etc/nginx/lua/balancer.lua)
		}
		if r.canary = r.canaryBy(c, b); r.canary != 0 {
			r.route = c.route
			r.route.series.toCanary(r.canary)
		}
		return nil
	}
}

// canaryBy says what sends the request to the canary, 0 for nothing, in the order of
// ingress-nginx: a session stays where it is, then header, cookie and weight.
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

// byHeader says what the value of the header field decides. One that is compared
// with a value or a pattern is never against the canary.
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

// fieldValue returns the value of a field, and of several with one name all values,
// as nginx's $http_NAME has them.
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

// sessionBackend separates the backend of a session from what chooses its endpoint.
// ingress-nginx has the same one, and ignores the backend where nothing is split.
const sessionBackend = "|"

// sessionOf is what a session's cookie says of its backend. It does not change with
// how endpoints are spoken to and checked.
func sessionOf(key gatelodge.BackendKey) string {
	port, _, _ := strings.Cut(string(key), "+")
	return sessionBackend + sessionValue(xxhash.Sum64String(port))
}

// sessionAt returns the route whose backend has the client's session, and nil if
// there is none. A session that began before there was a canary is at the main one's.
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
