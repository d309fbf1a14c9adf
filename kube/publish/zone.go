package publish

import (
	"cmp"
	"slices"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/claims"
	"gatelodge.dev/kube/objects"
)

// zoneState is a zone in a view, with the names that exist in it.
type zoneState struct {
	zone     *gatelodge.Zone
	presence gatelodge.Map[gatelodge.Name, presence]
}

// presence is whether and why a name exists. The zero presence means that it does not.
type presence struct {
	stands bool // it has its own Node
	below  int  // the number of names below it that stand
}

// zoneBuilder makes one zone in one view.
type zoneBuilder struct {
	*Views
	view     *objects.ViewConfig
	plan     *zonePlan
	last     *zoneState // whose Nodes are reused …
	before   *zoneState // … and the base of the changes
	presence *gatelodge.MapEdit[gatelodge.Name, presence]

	names   []gatelodge.Name           // that may have changed
	appear  map[gatelodge.Name]bool    // those that start or cease to exist
	results map[gatelodge.Name]*result // of names, and of those that appear
}

// newZoneBuilder starts with the previous zone, or an empty one; then only the results
// of unchanged names are reused.
func newZoneBuilder(v *Views, view *objects.ViewConfig, plan *zonePlan, names []gatelodge.Name, afresh bool, last *zoneState) *zoneBuilder {
	b := &zoneBuilder{
		Views: v, view: view, plan: plan, last: last,
		names: names, appear: make(map[gatelodge.Name]bool), results: make(map[gatelodge.Name]*result, len(names)),
	}
	if last == nil {
		b.last = &zoneState{zone: &gatelodge.Zone{}}
	}
	b.before = b.last
	if afresh {
		b.before = &zoneState{zone: &gatelodge.Zone{}}
	}
	b.presence = b.before.presence.Edit()
	return b
}

// result is the result for a name.
type result struct {
	granted *claims.Grant // nil: not granted
	in      *claims.Grant // the part in the view
	records []gatelodge.Record
	exists  bool // it has a Node, with or without records
}

// result returns the result of a name, which begins with its own records.
func (b *zoneBuilder) result(name gatelodge.Name) *result {
	r := b.results[name]
	if r == nil {
		r = &result{granted: b.grants.Names.Get(name)}
		r.in = r.granted.In(b.view.Name)
		r.records = b.own(name, r.in)
		b.results[name] = r
	}
	return r
}

// stand determines which names exist, on which those above them depend.
func (b *zoneBuilder) stand() {
	below := make(map[gatelodge.Name]int) // the change of the number of names below each
	for _, name := range b.names {
		r := b.result(name)
		before := b.presence.Get(name)
		stands := len(r.records) > 0 || b.isSpokenFor(name, r)
		if stands == before.stands {
			continue
		}
		b.setPresence(name, before, presence{stands, before.below})
		more := 1
		if !stands {
			more = -1
		}
		for above := name; above != b.plan.zone.Name; {
			above = above.Parent()
			below[above] += more
		}
	}
	for name, more := range below {
		if more != 0 {
			before := b.presence.Get(name)
			b.setPresence(name, before, presence{before.stands, before.below + more})
		}
	}
}

func (b *zoneBuilder) setPresence(name gatelodge.Name, before, after presence) {
	b.presence.Set(name, after)
	if (before == presence{}) != (after == presence{}) {
		b.appear[name] = true
	}
}

// exists reports whether there is a node at the name, even if only because of names
// below it.
func (b *zoneBuilder) exists(name gatelodge.Name) bool {
	return name == b.plan.zone.Name || b.presence.Get(name) != presence{}
}

// fill adds the records of each name that depend on others.
func (b *zoneBuilder) fill() {
	for name := range b.appear {
		b.result(name)
	}
	for name := range b.results {
		b.fillName(name)
	}
}

func (b *zoneBuilder) fillName(name gatelodge.Name) {
	r := b.results[name]
	if wildcard := b.wildcardFor(name, r, len(r.records) > 0); wildcard != nil {
		r.records = append(r.records, b.leading(name, wildcard)...)
	}
	r.exists = len(r.records) > 0 || b.presence.Get(name).stands
	slices.SortFunc(r.records, func(a, b gatelodge.Record) int {
		return cmp.Or(strings.Compare(a.Type, b.Type), strings.Compare(a.Data, b.Data))
	})
	unifyTTL(r.records)
	r.records = slices.Compact(r.records)
}

// again computes the records of a name that did not change.
func (b *zoneBuilder) again(name gatelodge.Name) *result {
	if b.results[name] == nil {
		b.result(name)
		b.fillName(name)
	}
	return b.results[name]
}

// finish returns the zone with its new Nodes. Unchanged ones are reused, and so is the
// zone if none changed.
func (b *zoneBuilder) finish() *zoneState {
	state := &zoneState{presence: b.presence.Map()}
	last, edit := b.last.zone.Nodes, b.before.zone.Nodes.Edit()
	for _, name := range b.sorted() {
		var node *gatelodge.Node
		if r := b.results[name]; r.exists {
			records := r.records
			if len(records) == 0 && b.plan.zone.Transfer.Allowed() {
				records = []gatelodge.Record{placeholder(name, b.plan.zone.TTL)}
			}
			if node = last.Get(name); node == nil || !slices.Equal(node.Records, records) {
				node = &gatelodge.Node{Name: name, Records: records}
			}
		}
		edit.Set(name, node)
	}
	config := b.plan.zone
	state.zone = &gatelodge.Zone{
		Name: config.Name, Hostmaster: config.Hostmaster, TTL: config.TTL, NegativeTTL: config.NegativeTTL,
		Nodes: edit.Map(),
	}
	if len(config.Nameservers) > 0 {
		state.zone.Primary = config.Nameservers[0]
	}
	if *b.last.zone == *state.zone {
		state.zone = b.last.zone
	}
	return state
}

// placeholder is a record by which a name without records exists at secondaries too: a
// transfer contains only records, and otherwise a wildcard would apply to the name
// there.
func placeholder(name gatelodge.Name, ttl time.Duration) gatelodge.Record {
	return gatelodge.Record{Name: name, Type: "TXT", TTL: ttl, Data: `"no records"`}
}

// sorted returns the names that have a result. Most are sorted already.
func (b *zoneBuilder) sorted() []gatelodge.Name {
	names := slices.Clone(b.names)
	for name := range b.results {
		if _, found := slices.BinarySearchFunc(b.names, name, gatelodge.Name.Compare); !found {
			names = append(names, name)
		}
	}
	slices.SortFunc(names[len(b.names):], gatelodge.Name.Compare)
	return names
}
