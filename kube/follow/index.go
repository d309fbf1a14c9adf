// Package follow lets results follow changes: an Index leads from what changed to the
// results that depend on it, Dirty collects those that have to be computed again, and
// the problems of results are counted as these come and go.
//
// It must not depend on the meaning of a result.
package follow

import (
	"iter"

	gatelodge "gatelodge.dev"
)

// Index records which items of B depend on an item of A.
type Index[A gatelodge.Ordered[A], B gatelodge.Ordered[B]] = gatelodge.Map[Pair[A, B], bool]

// Pair is in the order of A, then B. The zero B must come before all others.
type Pair[A gatelodge.Ordered[A], B gatelodge.Ordered[B]] struct {
	A A
	B B
}

// PairOf returns the pair of a and b.
func PairOf[A gatelodge.Ordered[A], B gatelodge.Ordered[B]](a A, b B) Pair[A, B] {
	return Pair[A, B]{a, b}
}

// Compare orders pairs as keys of a Map.
func (p Pair[A, B]) Compare(q Pair[A, B]) int {
	if order := p.A.Compare(q.A); order != 0 {
		return order
	}
	return p.B.Compare(q.B)
}

// Of yields the items that depend on a.
func Of[A gatelodge.Ordered[A], B gatelodge.Ordered[B]](ix Index[A, B], a A) iter.Seq[B] {
	return func(yield func(B) bool) {
		for p := range ix.From(Pair[A, B]{A: a}) {
			if p.A != a || !yield(p.B) {
				return
			}
		}
	}
}

// Children yields the names of m one label below parent.
func Children[V comparable](m gatelodge.Map[gatelodge.Name, V], parent gatelodge.Name) iter.Seq[gatelodge.Name] {
	return func(yield func(gatelodge.Name) bool) {
		for name := range m.From(parent) {
			if !name.Within(parent) || name != parent && name.Parent() == parent && !yield(name) {
				return
			}
		}
	}
}

// Dirty contains the keys whose results have to be computed again.
type Dirty[K comparable] map[K]bool

// Changes adds the keys whose values differ.
func Changes[K gatelodge.Ordered[K], V comparable](d Dirty[K], now, before gatelodge.Map[K, V]) {
	for key := range now.Changes(before) {
		d[key] = true
	}
}

// All adds every key.
func All[K gatelodge.Ordered[K], V comparable](d Dirty[K], m gatelodge.Map[K, V]) {
	for key := range m.All() {
		d[key] = true
	}
}
