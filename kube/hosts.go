package kube

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
)

// hosts is what is served for the granted names.
type hosts struct {
	grants     *grants
	resolution *resolution
	common     *common
	issued     *issued

	list     []*gatelodge.Host // sorted by name
	byName   map[gatelodge.Name]*hostResult
	refs     []*backendRef // that routes name, sorted by key
	problems []gatelodge.Problem
}

// common is what the configuration adds to every host.
type common struct {
	certificates []*gatelodge.Certificate // the defaults that are valid now
	fallback     *backendRef              // nil: requests that no rule matches get 404
	route        *gatelodge.Route         // to fallback
}

// makeHosts makes the Host of every granted name, and reuses those of last
// that are made of the same parts.
func makeHosts(g *grants, res *resolution, c *common, i *issued, last *hosts) *hosts {
	if last != nil && last.grants == g && last.resolution == res && last.common == c && last.issued == i {
		return last
	}
	h := &hosts{
		grants: g, resolution: res, common: c, issued: i,
		list:   make([]*gatelodge.Host, 0, len(g.order)+1),
		byName: make(map[gatelodge.Name]*hostResult, len(g.order)+1),
	}
	if c.route != nil && g.byName[""] == nil {
		h.add(&grant{}, res, c, last) // sorts before every name
	}
	for _, name := range g.order {
		h.add(g.byName[name], res, c, last)
	}
	h.collectRefs(last)
	return h
}

func (h *hosts) add(granted *grant, res *resolution, c *common, last *hosts) {
	if h.isServedAbove(granted) {
		return
	}
	var before *hostResult
	if last != nil {
		before = last.byName[granted.name]
	}
	inherited := h.issued.appendFor(granted.name, h.inherited(granted))
	result := before
	if before == nil || !before.isOf(granted, res, inherited, c) {
		result = makeHost(granted, res, inherited, c)
		if before != nil && reflect.DeepEqual(before.host, result.host) {
			result.host = before.host
		}
	}
	h.byName[granted.name] = result
	h.list = append(h.list, result.host)
	h.problems = append(h.problems, result.problems...)
}

// isServedAbove tells whether a name that has records alone is left to the routes
// of the wildcard above it, or of every other name. Another namespace's routes
// must not have it, so against those it stands as a Host without any.
func (h *hosts) isServedAbove(granted *grant) bool {
	if len(granted.shares) > 0 || granted.owner == nil {
		return false
	}
	above := h.byName[granted.name.Wildcard()]
	if above == nil || granted.name.IsWildcard() {
		above = h.byName[""]
	}
	return above != nil && above.owner == granted.namespace()
}

// inherited returns the certificates of the wildcard that stands above a name.
// They serve the name too where both are granted to one namespace. The
// wildcard's Host is there already: it sorts before the names below it.
func (h *hosts) inherited(granted *grant) []*gatelodge.Certificate {
	wildcard := h.byName[granted.name.Wildcard()]
	if wildcard == nil || wildcard.owner != granted.namespace() || granted.name.IsWildcard() || granted.name == "" {
		return nil
	}
	return wildcard.host.Certificates
}

// collectRefs lists each backend once that a route names.
func (h *hosts) collectRefs(last *hosts) {
	size := 0
	if last != nil {
		size = len(last.refs)
	}
	byKey := make(map[string]*backendRef, size)
	for _, result := range h.byName {
		for _, ref := range result.refs {
			byKey[ref.key] = ref
		}
	}
	h.refs = slices.SortedFunc(maps.Values(byKey), func(a, b *backendRef) int { return strings.Compare(a.key, b.key) })
}
