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

// zoneState is a zone in a view, and which of its names exist.
type zoneState struct {
	zone     *gatelodge.Zone
	presence gatelodge.Map[gatelodge.Name, presence]
}

// presence is whether and why a name exists. The zero presence is that of a
// name that does not.
type presence struct {
	stands bool // it has a Node for its own sake
	below  int  // how many names below it stand
}

// zoneBuilder makes one zone in one view.
type zoneBuilder struct {
	*Views
	view     *objects.ViewConfig
	plan     *zonePlan
	last     *zoneState // whose Nodes are used again …
	before   *zoneState // … and that the names are changes of
	presence *gatelodge.MapEdit[gatelodge.Name, presence]

	names   []gatelodge.Name           // that may not be what they were
	appear  map[gatelodge.Name]bool    // those that begin to exist, or end
	results map[gatelodge.Name]*result // of names, and of those that appear
}

// newZoneBuilder begins with the zone before, or afresh; then only what was made
// of each name is used again.
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

// result is what became of a name.
type result struct {
	granted *claims.Grant // nil: not granted
	in      *claims.Grant // what the view has of it
	records []gatelodge.Record
	exists  bool // it has a Node, with records or without
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

// stand finds out which names exist, which those above them depend on.
func (b *zoneBuilder) stand() {
	below := make(map[gatelodge.Name]int) // how many names more stand below each
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

// exists reports whether there is a node at the name, if only because there are
// some below it.
func (b *zoneBuilder) exists(name gatelodge.Name) bool {
	return name == b.plan.zone.Name || b.presence.Get(name) != presence{}
}

// fill gives each name the records that it has by what stands around it.
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

// again makes the records of a name that did not change.
func (b *zoneBuilder) again(name gatelodge.Name) *result {
	if b.results[name] == nil {
		b.result(name)
		b.fillName(name)
	}
	return b.results[name]
}

// finish returns the zone with its new Nodes. Those that did not change are the
// ones before, and so is the zone if none did.
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

// placeholder makes a name without records exist at secondaries too: a transfer has
// records only, and a wildcard would answer there in the place of the name.
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
