package gatelodge

import (
	"hash/maphash"
	"iter"
	"math/bits"
)

// Map is a map in the order of its keys that is never written: a change makes
// another Map, which shares all but a few nodes with the one before. Differences
// skips what two Maps share. So what is made of a Map can follow it at the cost
// of what changed, whatever the Map's size.
//
// Every key has a value; for all but the Len keys that were given another one it
// is the zero V. Len and the iterators know those keys alone. The zero Map has
// none. Two Maps of which one was made of the other are equal by == if nothing
// changed in between.
type Map[K Ordered[K], V comparable] struct {
	root   *mapNode[K, V] // nil: empty
	length int
}

// Ordered is a type of keys with an order. Compare returns a negative number for
// a key that comes before other, a positive one for one that comes after, and 0
// for equal keys alone.
type Ordered[K any] interface {
	comparable
	Compare(other K) int
}

// mapNode is the root of the tree of a Map or of a part of it. A hash gives each
// key a level, a sixteenth of the keys of a level having a higher one. A node
// holds the keys of the highest level in its range, and between them its kids
// hold the others. So the shape follows from the keys, whatever came first, and
// no node is balanced; the depth is logarithmic, as in a skip list. (Auvolat and
// Taïani, "Merkle Search Trees", 2019, have the same tree.)
type mapNode[K Ordered[K], V comparable] struct {
	items []mapItem[K, V] // in order; at least one
	kids  mapNodes[K, V]  // before, between and after the items, nil where there are no keys; none at level 0
	edit  *mapEditID      // the edit that may write the node
	level uint8
}

type mapNodes[K Ordered[K], V comparable] []*mapNode[K, V]

type mapItem[K Ordered[K], V comparable] struct {
	key   K
	value V
}

// mapSeed makes levels unpredictable for authors of keys: many keys of
// one level would make a node too large.
var mapSeed = maphash.MakeSeed()

// levelBits are the bits of the hash that decide whether a key rises by a level.
// Wider nodes are faster to search and slower to copy.
const levelBits = 4

func levelOf[K comparable](key K) uint8 {
	return uint8(bits.TrailingZeros64(maphash.Comparable(mapSeed, key)) / levelBits)
}

// search returns the index of the first item whose key is not before key, and
// whether it is that one's.
func (n *mapNode[K, V]) search(key K) (i int, found bool) {
	low, high := 0, len(n.items)
	for low < high {
		middle := int(uint(low+high) / 2)
		switch order := key.Compare(n.items[middle].key); {
		case order == 0:
			return middle, true
		case order < 0:
			high = middle
		default:
			low = middle + 1
		}
	}
	return low, false
}

// kid returns the node before item i, nil where there is none.
func (n *mapNode[K, V]) kid(i int) *mapNode[K, V] {
	if n.level == 0 {
		return nil
	}
	return n.kids[i]
}

// Len returns how many keys have a value other than the zero V.
func (m Map[K, V]) Len() int { return m.length }

// Get returns the value of key.
func (m Map[K, V]) Get(key K) V {
	for n := m.root; n != nil; {
		i, found := n.search(key)
		if found {
			return n.items[i].value
		}
		n = n.kid(i)
	}
	var zero V
	return zero
}

// All goes through the Map in the order of the keys.
func (m Map[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) { m.root.ascend(yield) }
}

// From goes through the Map in the order of the keys, beginning with the first
// that is not before key.
func (m Map[K, V]) From(key K) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) { m.root.ascendFrom(key, yield) }
}

func (n *mapNode[K, V]) ascend(yield func(K, V) bool) bool {
	return n == nil || n.kid(0).ascend(yield) && n.ascendAt(0, yield)
}

// ascendAt goes through what is in and after item i.
func (n *mapNode[K, V]) ascendAt(i int, yield func(K, V) bool) bool {
	for ; i < len(n.items); i++ {
		if !yield(n.items[i].key, n.items[i].value) || !n.kid(i+1).ascend(yield) {
			return false
		}
	}
	return true
}

func (n *mapNode[K, V]) ascendFrom(key K, yield func(K, V) bool) bool {
	if n == nil {
		return true
	}
	i, found := n.search(key)
	return (found || n.kid(i).ascendFrom(key, yield)) && n.ascendAt(i, yield)
}
