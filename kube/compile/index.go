package compile

import (
	"iter"

	gatelodge "gatelodge.dev"
)

// index says which items of B belong to an item of A. It leads from what changed
// to the results that were made of it.
type index[A gatelodge.Ordered[A], B gatelodge.Ordered[B]] = gatelodge.Map[pair[A, B], bool]

// pair is in the order of a, then b. The zero B must come before all others.
type pair[A gatelodge.Ordered[A], B gatelodge.Ordered[B]] struct {
	a A
	b B
}

// Compare orders pairs as keys of a Map.
func (p pair[A, B]) Compare(q pair[A, B]) int {
	if order := p.a.Compare(q.a); order != 0 {
		return order
	}
	return p.b.Compare(q.b)
}

// of goes through what belongs to a.
func of[A gatelodge.Ordered[A], B gatelodge.Ordered[B]](ix index[A, B], a A) iter.Seq[B] {
	return func(yield func(B) bool) {
		for p := range ix.From(pair[A, B]{a: a}) {
			if p.a != a || !yield(p.b) {
				return
			}
		}
	}
}

// children goes through the names of m one label below parent.
func children[V comparable](m gatelodge.Map[gatelodge.Name, V], parent gatelodge.Name) iter.Seq[gatelodge.Name] {
	return func(yield func(gatelodge.Name) bool) {
		for name := range m.From(parent) {
			if !name.Within(parent) || name != parent && name.Parent() == parent && !yield(name) {
				return
			}
		}
	}
}

// dirty is the keys whose results are to be made anew.
type dirty[K comparable] map[K]bool

// changes adds the keys whose values differ.
func changes[K gatelodge.Ordered[K], V comparable](d dirty[K], now, before gatelodge.Map[K, V]) {
	for key := range now.Changes(before) {
		d[key] = true
	}
}

// all adds every key.
func all[K gatelodge.Ordered[K], V comparable](d dirty[K], m gatelodge.Map[K, V]) {
	for key := range m.All() {
		d[key] = true
	}
}
