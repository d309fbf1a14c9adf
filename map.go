package gatelodge

import (
	"hash/maphash"
	"iter"
	"math/bits"
)

// Map is an immutable ordered map. A change returns a new Map that shares all but a
// few nodes with the old one, and Changes skips what two Maps share. So whatever is
// derived from a Map can be updated at a cost proportional to the change, not to
// the size of the Map.
//
// Get returns the zero V for keys that are not set; setting a key to the zero V
// removes it. Len and the iterators cover the set keys only. The zero Map is empty.
// Two Maps, one made from the other, are equal by == if nothing changed in between.
type Map[K Ordered[K], V comparable] struct {
	root   *mapNode[K, V] // nil: empty
	length int
}

// Ordered is a key type with a total order. Compare returns a negative number if
// the key comes before other, a positive one if it comes after, and 0 only if they
// are equal.
type Ordered[K any] interface {
	comparable
	Compare(other K) int
}

// mapNode is the root of a Map's tree, or of a subtree. A hash assigns each key a
// level: one key in sixteen of a level also reaches the next. A node holds the keys
// of the highest level in its range, and its kids hold the lower ones between them.
// The shape therefore depends on the keys alone, not on the order of insertion, and
// nothing is ever rebalanced; the depth is logarithmic, as in a skip list. Auvolat
// and Taïani describe the same tree in "Merkle Search Trees" (2019).
type mapNode[K Ordered[K], V comparable] struct {
	items []mapItem[K, V] // in order; at least one
	kids  mapNodes[K, V]  // before, between and after the items; nil where there are no keys; empty at level 0
	edit  *mapEditID      // the edit that may modify the node in place
	level uint8
}

type mapNodes[K Ordered[K], V comparable] []*mapNode[K, V]

type mapItem[K Ordered[K], V comparable] struct {
	key   K
	value V
}

// mapSeed makes levels unpredictable: users choose keys, and many keys of one level
// would make a node too large.
var mapSeed = maphash.MakeSeed()

// levelBits is how many bits of the hash must be zero for a key to rise by one
// level. More bits make nodes wider: faster to search, slower to copy.
const levelBits = 4

func levelOf[K comparable](key K) uint8 {
	return uint8(bits.TrailingZeros64(maphash.Comparable(mapSeed, key)) / levelBits)
}

// search returns the index of the first item whose key is not before key, and
// whether it is key.
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

// kid returns the child in front of item i, or nil.
func (n *mapNode[K, V]) kid(i int) *mapNode[K, V] {
	if n.level == 0 {
		return nil
	}
	return n.kids[i]
}

// Len returns the number of keys whose value is not the zero V.
func (m Map[K, V]) Len() int { return m.length }

// Get returns the value of key, or the zero V.
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

// All iterates over the Map in the order of its keys.
func (m Map[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) { m.root.ascend(yield) }
}

// From iterates over the Map in the order of its keys, starting with the first key
// that is not before key.
func (m Map[K, V]) From(key K) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) { m.root.ascendFrom(key, yield) }
}

func (n *mapNode[K, V]) ascend(yield func(K, V) bool) bool {
	return n == nil || n.kid(0).ascend(yield) && n.ascendAt(0, yield)
}

// ascendAt iterates over item i and everything after it.
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
