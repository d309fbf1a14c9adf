package proxy

import (
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/tracing"
)

// table is the Snapshot as requests need it.
type table struct {
	snapshot   *gatelodge.Snapshot
	settings   *gatelodge.Settings
	hosts      gatelodge.HashMap[gatelodge.Name, *host]          // by hostKey
	backends   gatelodge.HashMap[gatelodge.BackendKey, *backend] // routes don't point to them, so new endpoints recompile no route
	challenges map[challengeKey]string
	tracer     *tracing.Tracer   // nil: requests are not traced
	inTurns    bool              // endpoints are chosen by round robin where a route says nothing else
	httpsPorts map[string]uint16 // the public port of the HTTPS listener of each view
	passing    int               // hosts whose connections are passed on
}

// host is a gatelodge.Host with its routes compiled.
type host struct {
	source *gatelodge.Host
	*routeList
	recent *recent
	views  map[string]*host // of source.ByView; nil: it is the same in all views
}

// routeList is the routes of a host, compiled. Hosts that have one list of routes,
// as an Ingress and its aliases have, share it.
type routeList struct {
	source   []*gatelodge.Route
	routes   []*route
	readings *readings        // nil: all routes have the same protections
	series   []*requestSeries // those of routes, each once

	startFirst bool   // one of routes is a gatelodge.PathStartFirst
	locations  string // the namespace whose server-snippet has locations beside routes of others; "": there are none
}

// route is a gatelodge.Route with its policies compiled.
type route struct {
	source  *gatelodge.Route
	steps   []step
	inTurns bool // see table
	series  *requestSeries
	canary  *canary // nil: all requests go to its backend
	session string  // what the cookie of a session says of the backend; "": nothing
}

// host returns the most specific host for a canonical name: the exact one,
// then the wildcard one label up, then the one for any name (Ingress v1,
// IngressRule.host). A path that this host does not have is not looked for in a
// more general one: the owner of a name decides what is served under it.
func (t *table) host(name gatelodge.Name) *host {
	if h := t.hosts.Get(name); h != nil {
		return h
	}
	if h := t.wildcard(name); h != nil {
		return h
	}
	return t.hosts.Get("")
}

// inView returns what a host that is not the same in all views is in one. Where it is
// nothing, its name is served like one that nothing has: by no wildcard, whose owner
// need not be its own, but by the backend that the configuration has for such names.
func (t *table) inView(h *host, view string) *host {
	if in := h.views[view]; in != nil {
		return in
	}
	if rest := t.hosts.Get(""); rest != nil && rest.source.Owner == "" {
		return rest
	}
	return nil
}

// wildcard returns the host of the wildcard that matches name. A wildcard's key
// is its parent with the dot, so that no string has to be made to look it up.
func (t *table) wildcard(name gatelodge.Name) *host {
	if i := strings.IndexByte(string(name), '.'); i > 0 {
		return t.hosts.Get(name[i:])
	}
	return nil
}

// hostKey is the key of a host in the table. The name in a request never starts
// with a dot, so it can't be a wildcard's key.
func hostKey(name gatelodge.Name) gatelodge.Name {
	if name.IsWildcard() {
		return name[1:]
	}
	return name
}

// match returns the first route for a canonical path in the form in which
// paths are compared.
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

// before returns the route of a path that goes before the first one that matches, nil
// for none: that of a namespace to which the locations of another's server-snippet are
// nothing, or the longest start of the path, if that goes before patterns. Those that
// match are asked for by their index.
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
