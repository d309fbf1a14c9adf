package claims

import (
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/objects"
)

// Incumbents is who had the names before a Build. Those keep what they go on
// claiming, whatever older objects ask for; the age of objects decides where
// there is no incumbent. The zero Incumbents is that of a first start.
type Incumbents struct {
	Served   objects.Holdings // what was served by this process
	Recorded objects.Holdings // what the leader wrote down
	// Leading is set where Served counts before Recorded: on the leader, who keeps
	// the record. All others follow the record.
	Leading bool
}

// of returns who had the name; nil: no namespace had it.
func (i *Incumbents) of(name gatelodge.Name) *objects.Holding {
	first, second := i.Recorded, i.Served
	if i.Leading {
		first, second = second, first
	}
	if h := first.Get(name); h != nil {
		return h
	}
	if h := second.Get(name); h != nil || name == "" || name.IsWildcard() {
		return h
	}
	// The wildcard above served the name too, if it served anything.
	return i.Served.Get(name.Wildcard())
}

// changed returns the names of which something else may be known than by last.
func (i *Incumbents) changed(last *Incumbents, claimed gatelodge.Map[gatelodge.Name, *claimed]) map[gatelodge.Name]bool {
	names := make(map[gatelodge.Name]bool)
	for name, change := range i.Served.Changes(last.Served) {
		names[name] = true
		if name.IsWildcard() && !sameHolding(change.Before, change.After) {
			for below := range follow.Children(claimed, name.Parent()) {
				names[below] = true
			}
		}
	}
	for name := range i.Recorded.Changes(last.Recorded) {
		names[name] = true
	}
	if i.Leading != last.Leading {
		for name := range i.Recorded.All() {
			names[name] = true
		}
	}
	return names
}

// sameHolding reports whether a name is held alike by both; nil: by no namespace.
func sameHolding(h, other *objects.Holding) bool {
	if h == nil || other == nil {
		return h == other
	}
	return *h == *other
}

// Held is the Holdings by what a Builder built, and which of them others contest.
type Held struct {
	Holdings objects.Holdings

	contested gatelodge.Map[gatelodge.Name, contest]
	rulings   gatelodge.Map[gatelodge.Name, *Ruling]
}

// Held returns who has which name by these grants, which were made at a moment. Last is what it returned before, so that it knows since when; the zero
// Held stands for a first start, when nothing is known but the age of
// objects.
func (g *Grants) Held(last Held, at time.Time) Held {
	first := last.rulings == gatelodge.Map[gatelodge.Name, *Ruling]{}
	holdings := last.Holdings.Edit()
	for name, change := range g.Rulings.Changes(last.rulings) {
		r := change.After
		if r == nil || r.owner == nil {
			holdings.Set(name, nil)
			continue
		}
		h := objects.Holding{Namespace: r.Namespace(), Since: r.since, Guest: r.guest}
		before := holdings.Get(name)
		switch {
		case !h.Since.IsZero():
		case before != nil && before.Namespace == h.Namespace:
			h.Since = before.Since
		case first:
			h.Since = r.owner.Since
		default:
			h.Since = at
		}
		h.Since = h.Since.Truncate(time.Second).UTC() // as it is written down
		if before == nil || *before != h {
			holdings.Set(name, &h)
		}
	}
	return Held{Holdings: holdings.Map(), contested: g.contested, rulings: g.Rulings}
}

// Record returns what is to be written down for other replicas and the next
// start: who has the names that several namespaces have to do with. Of more than
// most names it leaves out those that the age of objects decides alike, at first.
func (h *Held) Record(most int) objects.Holdings {
	record := objects.Holdings{}.Edit()
	n := 0
	for _, againstAge := range []bool{true, false} {
		for name, c := range h.contested.All() {
			if c.againstAge == againstAge && n < most {
				if holding := h.holding(name, c.namespace); holding != nil {
					record.Set(name, holding)
					n++
				}
			}
		}
	}
	return record.Map()
}

// AgainstAge reports whether the age of objects would give a name to another.
func (h *Held) AgainstAge(name gatelodge.Name) bool { return h.contested.Get(name).againstAge }

// holding returns that of a namespace: of the name, or else of the wildcard above
// it.
func (h *Held) holding(name gatelodge.Name, namespace string) *objects.Holding {
	for _, at := range []gatelodge.Name{name, name.Wildcard()} {
		if holding := h.Holdings.Get(at); holding != nil && holding.Namespace == namespace {
			return holding
		}
	}
	return nil
}
