package compile

import (
	"iter"
	"reflect"
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/claims"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/intent"
)

// hosts contains the Hosts of the granted names.
type hosts struct {
	grants   *claims.Grants
	names    gatelodge.Map[gatelodge.Name, *claims.Grant] // of grants
	resolved *resolution
	common   *common
	issued   *issued

	results gatelodge.Map[gatelodge.Name, *hostResult]
	list    gatelodge.Map[gatelodge.Name, *gatelodge.Host]     // of results
	users   follow.Index[gatelodge.BackendKey, gatelodge.Name] // hosts by the backends that their routes name

	canaries gatelodge.Map[gatelodge.Name, *follow.Told] // the problems of those of each name
}

// common contains what the configuration adds to every host.
type common struct {
	certificates []*gatelodge.Certificate // the defaults that are valid now
	fallback     *intent.BackendRef       // nil: requests that no rule matches get 404
	route        *gatelodge.Route         // to fallback
	views        []string                 // of the configuration
}

// makeHosts makes the Hosts of the names with changes, and reuses all others of last.
func makeHosts(g *claims.Grants, res *resolution, c *common, i *issued, last *hosts) *hosts {
	if last == nil {
		last = &hosts{grants: &claims.Grants{}, resolved: &resolution{}, common: &common{}, issued: &issued{}}
	} else if last.names == g.Names && last.grants.Cfg == g.Cfg && last.resolved == res && last.common == c && last.issued == i {
		return last
	}
	h := &hosts{grants: g, names: g.Names, resolved: res, common: c, issued: i}
	m := &hostMaker{
		hosts: h, dirty: make(follow.Dirty[gatelodge.Name]), made: make(map[routesKey]*hostResult), last: last,
		results: last.results.Edit(), list: last.list.Edit(), users: last.users.Edit(), canaries: last.canaries.Edit(),
	}
	m.findDirty()
	m.makeAll()
	h.results, h.list, h.users, h.canaries = m.results.Map(), m.list.Map(), m.users.Map(), m.canaries.Map()
	return h
}

// hostMaker makes the hosts that are dirty.
type hostMaker struct {
	*hosts
	last  *hosts
	dirty follow.Dirty[gatelodge.Name]
	made  map[routesKey]*hostResult // hosts whose routes others may share

	results  *gatelodge.MapEdit[gatelodge.Name, *hostResult]
	list     *gatelodge.MapEdit[gatelodge.Name, *gatelodge.Host]
	users    *gatelodge.MapEdit[follow.Pair[gatelodge.BackendKey, gatelodge.Name], bool]
	canaries *gatelodge.MapEdit[gatelodge.Name, *follow.Told]
}

// findDirty finds the names whose grants, resolved Ingresses or ordered certificates
// changed. Those below a wildcard follow when it is made.
func (m *hostMaker) findDirty() {
	if m.common != m.last.common {
		follow.All(m.dirty, m.names)
		follow.All(m.dirty, m.last.results)
		follow.All(m.dirty, m.last.canaries)
		for at := range m.resolved.canaries.All() {
			m.dirty[at.A] = true
		}
		m.dirty[""] = true
		m.addReserved("")
		return
	}
	if m.grants.Cfg != m.last.grants.Cfg {
		m.addReserved("")
		for name := range m.last.grants.Reserved {
			m.dirty[name] = true
		}
	}
	follow.Changes(m.dirty, m.names, m.last.names)
	for _, change := range m.resolved.results.Changes(m.last.resolved.results) {
		for _, r := range []*resolved{change.Before, change.After} {
			if r != nil {
				for name := range r.Names() {
					m.dirty[name] = true
				}
				m.addCanaryNames(r)
			}
		}
	}
	for key := range m.issued.byKey.Changes(m.last.issued.byKey) {
		m.dirty[key.Name] = true
		if key.Name.IsWildcard() {
			m.addChildren(key.Name.Parent())
		}
	}
}

func (m *hostMaker) addChildren(parent gatelodge.Name) {
	for name := range follow.Children(m.names, parent) {
		m.dirty[name] = true
	}
}

// addReserved adds the reserved names that a wildcard below parent matches, or with ""
// all of them.
func (m *hostMaker) addReserved(parent gatelodge.Name) {
	for name := range m.grants.Reserved {
		if parent == "" || name.Parent() == parent {
			m.dirty[name] = true
		}
	}
}

// makeAll makes hosts before those that inherit from them.
func (m *hostMaker) makeAll() {
	if m.dirty[""] {
		before, after := m.make("")
		if !after.inheritsLike(before) {
			m.addUnrouted()
		}
		if after.isRouted() != before.isRouted() {
			m.addReserved("")
		}
	}
	wildcards := make([]gatelodge.Name, 0)
	for name := range m.dirty {
		if name.IsWildcard() {
			wildcards = append(wildcards, name)
		}
	}
	for _, name := range wildcards {
		before, after := m.make(name)
		if !after.inheritsLike(before) {
			m.addChildren(name.Parent())
		}
		if after.isRouted() != before.isRouted() {
			m.addReserved(name.Parent())
		}
	}
	for name := range m.dirty {
		if name != "" && !name.IsWildcard() {
			m.make(name)
		}
	}
}

// addUnrouted adds the names with only records, which are served by the host of every
// other name if it has the same owner.
func (m *hostMaker) addUnrouted() {
	for name, granted := range m.names.All() {
		if len(granted.Shares) == 0 {
			m.dirty[name] = true
		}
	}
}

// make makes the Host of a name, if it needs one.
func (m *hostMaker) make(name gatelodge.Name) (before, after *hostResult) {
	before = m.results.Get(name)
	granted := m.names.Get(name)
	if granted == nil && name == "" && m.common.route != nil {
		granted = &claims.Grant{}
	}
	if granted == nil && m.isKeptFrom(name) {
		granted = &claims.Grant{Name: name}
	}
	if granted != nil && !m.isServedAbove(granted) {
		after = makeHost(granted, m.resolved, m.issued.appendFor(name, granted.Namespace(), m.inherited(granted)), m.common, m.made)
		switch {
		case before == nil:
		case reflect.DeepEqual(before.host, after.host):
			after.host = before.host
		case reflect.DeepEqual(before.host.Routes, after.host.Routes):
			after.host.Routes = before.host.Routes
		}
	}
	m.put(name, before, after)
	m.tellCanaries(name)
	return before, after
}

func (m *hostMaker) put(name gatelodge.Name, before, after *hostResult) {
	m.results.Set(name, after)
	var host *gatelodge.Host
	if after != nil {
		host = after.host
	}
	m.list.Set(name, host)
	for key := range before.keys() {
		if after.ref(key) == nil {
			m.users.Set(follow.PairOf(key, name), false)
		}
	}
	for key := range after.keys() {
		m.users.Set(follow.PairOf(key, name), true)
	}
}

// keys yields the backends of a host's routes; nil has none.
func (r *hostResult) keys() iter.Seq[gatelodge.BackendKey] {
	return func(yield func(gatelodge.BackendKey) bool) {
		if r == nil {
			return
		}
		for _, ref := range r.refs {
			if !yield(ref.Key) {
				return
			}
		}
	}
}

// ref returns the reference with this key, nil if no route of the host has it.
func (r *hostResult) ref(key gatelodge.BackendKey) *intent.BackendRef {
	if r == nil {
		return nil
	}
	for _, ref := range r.refs {
		if ref.Key == key {
			return ref
		}
	}
	return nil
}

// inheritsLike reports whether the names below a wildcard inherit the same from it as
// from the previous one.
func (r *hostResult) inheritsLike(before *hostResult) bool {
	if r == nil || before == nil {
		return r == before
	}
	return r.owner == before.owner && slices.Equal(r.host.Certificates, before.host.Certificates)
}

// isKeptFrom reports whether a reserved name would be served by the routes of objects,
// those of the wildcard above it or of every other name. A Host without routes prevents
// that.
func (m *hostMaker) isKeptFrom(name gatelodge.Name) bool {
	if _, reserved := m.grants.Reserved[name]; !reserved {
		return false
	}
	return m.results.Get("").isRouted() || !name.IsWildcard() && m.wildcardOver(name).isRouted()
}

// isRouted reports whether objects have routes here; r may be nil.
func (r *hostResult) isRouted() bool { return r != nil && len(r.shares) > 0 }

// isServedAbove reports whether a name with only records is served by the routes of the
// wildcard above it, or of every other name. Another namespace's routes must not serve
// it, so then it gets a Host without routes.
func (m *hostMaker) isServedAbove(granted *claims.Grant) bool {
	if len(granted.Shares) > 0 || granted.Owner == nil {
		return false
	}
	var above *hostResult
	if !granted.Name.IsWildcard() {
		above = m.wildcardOver(granted.Name)
	}
	if above == nil && granted.Name != "" {
		above = m.results.Get("")
	}
	return above != nil && above.owner == granted.Namespace()
}

func (m *hostMaker) wildcardOver(name gatelodge.Name) *hostResult {
	if wildcard := name.Wildcard(); wildcard != "" {
		return m.results.Get(wildcard)
	}
	return nil
}

// inherited returns the certificates of the wildcard above a name. They serve the name
// too if both have the same owner.
func (m *hostMaker) inherited(granted *claims.Grant) []*gatelodge.Certificate {
	if granted.Name == "" || granted.Name.IsWildcard() {
		return nil
	}
	wildcard := m.wildcardOver(granted.Name)
	if wildcard == nil || wildcard.owner != granted.Namespace() {
		return nil
	}
	return wildcard.host.Certificates
}
