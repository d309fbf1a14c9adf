package proxy

import (
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/tracing"
)

// table is the Snapshot, compiled for serving requests.
type table struct {
	snapshot   *gatelodge.Snapshot
	settings   *gatelodge.Settings
	hosts      gatelodge.HashMap[gatelodge.Name, *host]          // by hostKey
	backends   gatelodge.HashMap[gatelodge.BackendKey, *backend] // looked up by key, so that new endpoints recompile no route
	challenges map[challengeKey]string
	tracer     *tracing.Tracer   // nil: tracing is off
	inTurns    bool              // round robin is the default algorithm
	httpsPorts map[string]uint16 // public port of the HTTPS listener of each view
	passing    int               // number of hosts with TLS passthrough
}

// host is a gatelodge.Host with its routes compiled.
type host struct {
	source *gatelodge.Host
	*routeList
	recent *recent
	views  map[string]*host // compiled source.ByView; nil: the host is the same in all views
}

// routeList is the compiled routes of a host. Hosts with the same list of routes,
// such as an Ingress's host and its aliases, share one routeList.
type routeList struct {
	source   []*gatelodge.Route
	routes   []*route
	readings *readings        // nil: all routes have the same protections
	series   []*requestSeries // those of the routes, without duplicates

	startFirst bool   // one of routes is a gatelodge.PathStartFirst
	locations  string // namespace whose server-snippet has locations beside other namespaces' routes; "": none
}

// route is a gatelodge.Route with its policies compiled.
type route struct {
	source  *gatelodge.Route
	steps   []step
	inTurns bool // see table
	series  *requestSeries
	canary  *canary // nil: all requests go to the main backend
	session string  // the part of a session cookie that names the backend; "": none

	servicePort string // of the backend's Service, as the Ingress names it
}

// host returns the most specific host for a canonical name: the exact one, then the
// wildcard one label up, then the one for any name (Ingress v1, IngressRule.host).
// If that host lacks the path, more general hosts are not tried: the owner of a
// name decides what is served under it.
func (t *table) host(name gatelodge.Name) *host {
	if h := t.hosts.Get(name); h != nil {
		return h
	}
	if h := t.wildcard(name); h != nil {
		return h
	}
	return t.hosts.Get("")
}

// inView returns what a host serves in a view. If it serves nothing there, the name
// is treated as unknown: the backend configured for unknown names answers, rather
// than a wildcard, whose owner may be someone else.
func (t *table) inView(h *host, view string) *host {
	if in := h.views[view]; in != nil {
		return in
	}
	if rest := t.hosts.Get(""); rest != nil && rest.source.Owner == "" {
		return rest
	}
	return nil
}

// wildcard returns the wildcard host that matches name. A wildcard's key is its
// parent with the leading dot, so the lookup does not build a string.
func (t *table) wildcard(name gatelodge.Name) *host {
	if i := strings.IndexByte(string(name), '.'); i > 0 {
		return t.hosts.Get(name[i:])
	}
	return nil
}

// hostKey returns the key of a host in the table. The name in a request never
// starts with a dot, so it can't equal a wildcard's key.
func hostKey(name gatelodge.Name) gatelodge.Name {
	if name.IsWildcard() {
		return name[1:]
	}
	return name
}

// match returns the first route for a canonical path in PathForm.
func (h *host) match(path string) *route {
	if h.startFirst || h.locations != "" {
		if r := h.before(func(i int) bool { return h.routes[i].source.Matches(path) }); r != nil {
			return r
		}
	}
	for _, r := range h.routes {
		if r.source.Matches(path) {
			return r
		}
	}
	return nil
}

// before returns the route that takes precedence over the first match, or nil. It
// is a route of a namespace that another namespace's server-snippet locations must
// not affect, or the longest PathStartFirst match if that takes precedence over
// patterns. matches reports whether the i-th route matches.
func (l *routeList) before(matches func(i int) bool) *route {
	if l.locations != "" {
		for i, r := range l.routes {
			if s := r.source.Policy.Snippet; s != nil && s.Answers || !matches(i) {
				continue
			}
			if r.source.Object.Namespace != l.locations {
				return r
			}
			break
		}
	}
	for i, r := range l.routes {
		switch {
		case r.source.Match == gatelodge.PathPattern || !matches(i):
		case r.source.Match == gatelodge.PathStartFirst:
			return r
		default:
			return nil
		}
	}
	return nil
}
