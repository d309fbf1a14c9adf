package proxy

import (
	"strings"

	gatelodge "gatelodge.dev"
)

// table is the Snapshot as requests ask it.
type table struct {
	snapshot   *gatelodge.Snapshot
	settings   *gatelodge.Settings
	hosts      gatelodge.SharedMap[gatelodge.Name, *host] // by hostKey
	backends   gatelodge.SharedMap[string, *backend]      // by key, so that an endpoint's coming recompiles no route
	challenges map[challengeKey]string
	httpsPort  uint16 // the public port of the HTTPS listener; 0 where there is none
}

// host is a gatelodge.Host with its routes compiled.
type host struct {
	source   *gatelodge.Host
	routes   []*route
	readings *readings // nil: all routes have the same protections
}

// route is a gatelodge.Route with its policies compiled.
type route struct {
	source *gatelodge.Route
	host   *host
	steps  []step
	series *requestSeries
}

// host returns the most specific host for a canonical name: the exact one,
// then the wildcard one label up, then the one for any name (Ingress v1,
// IngressRule.host). A more general one is not asked for paths that the host
// does not have: its owner is who says what is served under the name.
func (t *table) host(name gatelodge.Name) *host {
	if h := t.hosts.Get(name); h != nil {
		return h
	}
	if h := t.wildcard(name); h != nil {
		return h
	}
	return t.hosts.Get("")
}

// wildcard returns the host of the wildcard that matches name. It builds no
// string to look it up: a wildcard is stored under its parent with the dot.
func (t *table) wildcard(name gatelodge.Name) *host {
	if i := strings.IndexByte(string(name), '.'); i > 0 {
		return t.hosts.Get(name[i:])
	}
	return nil
}

// hostKey is where the table has a host of this name. No request's name starts
// with a dot, so a wildcard can't be asked for as if it were a name.
func hostKey(name gatelodge.Name) gatelodge.Name {
	if name.IsWildcard() {
		return name[1:]
	}
	return name
}

// match returns the first route for a canonical path in the form in which
// paths are compared.
func (h *host) match(path string) *route {
	for _, r := range h.routes {
		if r.source.Matches(path) {
			return r
		}
	}
	return nil
}
