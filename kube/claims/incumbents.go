package claims

import (
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/objects"
)

// Incumbents are the owners of names before a Build. They keep the names that they
// still claim, even if older objects ask for them; without an incumbent, the age of
// objects decides. The zero Incumbents is that of a first start.
type Incumbents struct {
	Served   objects.Holdings // owners in what this process has served
	Recorded objects.Holdings // owners in the leader's record
	// Leading means that Served takes precedence over Recorded: on the leader, which
	// keeps the record. All others follow the record.
	Leading bool
}

// of returns the previous owner of the name; nil: no namespace had it.
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

// changed returns the names whose previous owner may differ from last.
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

// sameHolding reports whether both are the same holding; nil: no namespace.
func sameHolding(h, other *objects.Holding) bool {
	if h == nil || other == nil {
		return h == other
	}
	return *h == *other
}

// Held contains the Holdings of what a Builder built, and which of them are contested.
type Held struct {
	Holdings objects.Holdings

	contested gatelodge.Map[gatelodge.Name, contest]
	rulings   gatelodge.Map[gatelodge.Name, *Ruling]
}

// Held returns the owners of names by these grants, which were made at a given time.
// Last is the previous result, for the time since when; the zero Held means a first
// start, when only the age of objects is known.
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
		h.Since = h.Since.Truncate(time.Second).UTC() // as in the record
		if before == nil || *before != h {
			holdings.Set(name, &h)
		}
	}
	return Held{Holdings: holdings.Map(), contested: g.contested, rulings: g.Rulings}
}

// Record returns the record for other replicas and the next start: the owners of names
// that several namespaces claim. If there are more than most names, it first leaves out
// those that the age of objects decides in the same way.
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

// AgainstAge reports whether the age of objects would give a name to another namespace.
func (h *Held) AgainstAge(name gatelodge.Name) bool { return h.contested.Get(name).againstAge }

// holding returns the holding of a namespace: of the name, or else of the wildcard
// above it.
func (h *Held) holding(name gatelodge.Name, namespace string) *objects.Holding {
	for _, at := range []gatelodge.Name{name, name.Wildcard()} {
		if holding := h.Holdings.Get(at); holding != nil && holding.Namespace == namespace {
			return holding
		}
	}
	return nil
}
