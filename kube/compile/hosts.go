package compile

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
)

// hosts is what is served for the granted names.
type hosts struct {
	grants     *grants
	resolution *resolution
	common     *common
	issued     *issued

	list     []*gatelodge.Host    // sorted by name
	results  []*hostResult        // of each in list
	refs     []*intent.BackendRef // that routes name, sorted by key
	problems []gatelodge.Problem
}

// common is what the configuration adds to every host.
type common struct {
	certificates []*gatelodge.Certificate // the defaults that are valid now
	fallback     *intent.BackendRef       // nil: requests that no rule matches get 404
	route        *gatelodge.Route         // to fallback
}

// makeHosts makes the Host of every granted name, and reuses those of last
// that are made of the same parts.
func makeHosts(g *grants, res *resolution, c *common, i *issued, last *hosts) *hosts {
	if last != nil && last.grants == g && last.resolution == res && last.common == c && last.issued == i {
		return last
	}
	if last == nil {
		last = &hosts{}
	}
	h := &hosts{
		grants: g, resolution: res, common: c, issued: i,
		list:    make([]*gatelodge.Host, 0, len(g.list)+1),
		results: make([]*hostResult, 0, len(g.list)+1),
	}
	m := &hostMaker{hosts: h, before: last.results, above: make(map[gatelodge.Name]*hostResult)}
	if c.route != nil && g.byName[""] == nil {
		m.add(&grant{}) // sorts before every name
	}
	for _, granted := range g.list {
		m.add(granted)
	}
	m.finish(last)
	return h
}

// hostMaker makes hosts in the order of their names.
type hostMaker struct {
	*hosts
	before []*hostResult                  // of the last time, from the name on that comes next
	above  map[gatelodge.Name]*hostResult // made so far: of every other name under "", of a wildcard under its parent
}

func (m *hostMaker) add(granted *grant) {
	if m.isServedAbove(granted) {
		return
	}
	before := m.take(granted.name)
	inherited := m.issued.appendFor(granted.name, m.inherited(granted))
	result := before
	if before == nil || !before.isOf(granted, m.resolution, inherited, m.common) {
		result = makeHost(granted, m.resolution, inherited, m.common)
		if before != nil && reflect.DeepEqual(before.host, result.host) {
			result.host = before.host
		}
	}
	if granted.name == "" || granted.name.IsWildcard() {
		m.above[granted.name.Parent()] = result
	}
	m.results = append(m.results, result)
	m.list = append(m.list, result.host)
	m.problems = append(m.problems, result.problems...)
}

// take returns the result of last time for a name, which comes after those that
// were taken before.
func (m *hostMaker) take(name gatelodge.Name) *hostResult {
	for len(m.before) > 0 {
		first := m.before[0]
		switch {
		case first.host.Name == name:
			m.before = m.before[1:]
			return first
		case first.host.Name.Compare(name) > 0:
			return nil
		}
		m.before = m.before[1:] // its name is gone
	}
	return nil
}

// finish lists the backends that routes name. Most changes leave them as they
// were: what one host does not name any more another one does.
func (m *hostMaker) finish(last *hosts) {
	uses := make(map[string]int)
	gatelodge.Differences(last.results, m.results, compareResults, func(before, after *hostResult) {
		before.countRefs(uses, -1)
		after.countRefs(uses, +1)
	})
	for _, n := range uses {
		if n != 0 {
			m.collectRefs(len(last.refs))
			return
		}
	}
	m.refs = last.refs
}

func compareResults(a, b *hostResult) int { return gatelodge.CompareHosts(a.host, b.host) }

// countRefs counts the backends that the routes of the host name; a nil result
// names none.
func (r *hostResult) countRefs(uses map[string]int, n int) {
	if r == nil {
		return
	}
	for _, ref := range r.refs {
		uses[ref.Key] += n
	}
}

// isServedAbove tells whether a name that has records alone is left to the routes
// of the wildcard above it, or of every other name. Another namespace's routes
// must not have it, so against those it stands as a Host without any.
func (m *hostMaker) isServedAbove(granted *grant) bool {
	if len(granted.shares) > 0 || granted.owner == nil {
		return false
	}
	above := m.above[granted.name.Parent()]
	if above == nil || granted.name.IsWildcard() {
		above = m.above[""]
	}
	return above != nil && above.owner == granted.namespace()
}

// inherited returns the certificates of the wildcard that stands above a name.
// They serve the name too where both are granted to one namespace. The
// wildcard's Host is there already: it sorts before the names below it.
func (m *hostMaker) inherited(granted *grant) []*gatelodge.Certificate {
	if len(m.above) == 0 || granted.name == "" || granted.name.IsWildcard() {
		return nil
	}
	wildcard := m.above[granted.name.Parent()]
	if wildcard == nil || wildcard.owner != granted.namespace() || wildcard.host.Name == "" {
		return nil
	}
	return wildcard.host.Certificates
}

// collectRefs lists each backend once that a route names.
func (m *hostMaker) collectRefs(size int) {
	byKey := make(map[string]*intent.BackendRef, size)
	for _, result := range m.results {
		for _, ref := range result.refs {
			byKey[ref.Key] = ref
		}
	}
	m.refs = slices.SortedFunc(maps.Values(byKey), func(a, b *intent.BackendRef) int { return strings.Compare(a.Key, b.Key) })
}
