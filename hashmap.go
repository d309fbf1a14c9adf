package gatelodge

import (
	"hash/maphash"
	"iter"
	"math/bits"
	"slices"
)

// HashMap is an immutable map, like Map, for lookups on every request or query: Get
// is several times faster than Map.Get because it compares only one key. A HashMap
// has no order, and does not track changes.
//
// Get returns the zero V for keys that are not set; setting a key to the zero V
// removes it. The zero HashMap is empty.
type HashMap[K ~string, V comparable] struct {
	root *hashNode[K, V] // nil: empty
}

// hashNode is a node of a hash array mapped trie (Bagwell 2001). Each level
// consumes some bits of the hash.
type hashNode[K ~string, V comparable] struct {
	bits  uint32           // bitmap of the occupied slots; 0: the hash is used up, and slots is an unordered list
	slots []hashSlot[K, V] // only the occupied ones, in order
	edit  *mapEditID       // the edit that may modify the node in place
}

// hashSlot holds a key with its value, or the next level if several keys share the
// hash bits consumed so far.
type hashSlot[K ~string, V comparable] struct {
	key   K
	value V
	below *hashNode[K, V]
}

const (
	hashBits   = 5             // bits of the hash consumed per level
	hashLevels = 60 / hashBits // maximum depth; below it nodes are lists
	hashPlaces = 1 << hashBits
)

// Get returns the value of key, or the zero V.
func (m HashMap[K, V]) Get(key K) V {
	return hashGet(m.root, maphash.String(mapSeed, string(key)), key)
}

// GetBytes is Get for a key held in a byte slice. It does not allocate.
func (m HashMap[K, V]) GetBytes(key []byte) V {
	return hashGet(m.root, maphash.Bytes(mapSeed, key), key)
}

func hashGet[K ~string, V comparable, B ~string | ~[]byte](n *hashNode[K, V], hash uint64, key B) (none V) {
	for n != nil {
		if n.bits == 0 {
			for i := range n.slots {
				if string(n.slots[i].key) == string(key) {
					return n.slots[i].value
				}
			}
			return none
		}
		bit := uint32(1) << (hash % hashPlaces)
		if n.bits&bit == 0 {
			return none
		}
		s := &n.slots[bits.OnesCount32(n.bits&(bit-1))]
		if s.below == nil {
			if string(s.key) == string(key) {
				return s.value
			}
			return none
		}
		n, hash = s.below, hash>>hashBits
	}
	return none
}

// Empty reports whether no key has a value.
func (m HashMap[K, V]) Empty() bool { return m.root == nil }

// All iterates over the keys and values, in no particular order.
func (m HashMap[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) { m.root.all(yield) }
}

func (n *hashNode[K, V]) all(yield func(K, V) bool) bool {
	if n == nil {
		return true
	}
	for _, s := range n.slots {
		if s.below != nil && !s.below.all(yield) || s.below == nil && !yield(s.key, s.value) {
			return false
		}
	}
	return true
}

// With returns m with key set to value; the zero V removes the key.
func (m HashMap[K, V]) With(key K, value V) HashMap[K, V] {
	e := m.Edit()
	e.Set(key, value)
	return e.Map()
}

// HashMapEdit builds a new HashMap through many changes. It must not be used by
// several goroutines at once.
type HashMapEdit[K ~string, V comparable] struct {
	m  HashMap[K, V]
	id *mapEditID // marks nodes that no other HashMap shares
}

// Edit starts an edit of m, which stays unchanged.
func (m HashMap[K, V]) Edit() *HashMapEdit[K, V] {
	return &HashMapEdit[K, V]{m: m, id: new(mapEditID)}
}

// Map returns the HashMap with all changes so far. The edit may continue afterwards.
func (e *HashMapEdit[K, V]) Map() HashMap[K, V] {
	e.id = new(mapEditID)
	return e.m
}

// Set sets key to value; the zero V removes the key.
func (e *HashMapEdit[K, V]) Set(key K, value V) {
	var none V
	s := hashSlot[K, V]{key: key, value: value}
	hash := maphash.String(mapSeed, string(key))
	switch before := hashGet(e.m.root, hash, key); {
	case value == before:
	case value == none:
		e.m.root = e.remove(e.m.root, key, hash)
	default:
		e.m.root = e.put(e.m.root, s, hash, 0)
	}
}

// own returns n, or a copy of it if another HashMap shares it.
func (e *HashMapEdit[K, V]) own(n *hashNode[K, V]) *hashNode[K, V] {
	if n.edit == e.id {
		return n
	}
	return &hashNode[K, V]{bits: n.bits, slots: slices.Clone(n.slots), edit: e.id}
}

// put returns n with s added or replaced. n may be nil.
func (e *HashMapEdit[K, V]) put(n *hashNode[K, V], s hashSlot[K, V], hash uint64, level int) *hashNode[K, V] {
	if n == nil {
		n = &hashNode[K, V]{edit: e.id}
	}
	if level == hashLevels {
		others := slices.DeleteFunc(slices.Clone(n.slots), func(t hashSlot[K, V]) bool { return t.key == s.key })
		return &hashNode[K, V]{slots: append(others, s), edit: e.id}
	}
	bit := uint32(1) << (hash % hashPlaces)
	i := bits.OnesCount32(n.bits & (bit - 1))
	if n.bits&bit == 0 {
		return &hashNode[K, V]{bits: n.bits | bit, slots: slices.Insert(slices.Clip(n.slots), i, s), edit: e.id}
	}
	n = e.own(n)
	switch t := &n.slots[i]; {
	case t.below != nil:
		t.below = e.put(t.below, s, hash>>hashBits, level+1)
	case t.key == s.key:
		*t = s
	default:
		consumed := hashBits * (level + 1)
		below := e.put(nil, *t, maphash.String(mapSeed, string(t.key))>>consumed, level+1)
		*t = hashSlot[K, V]{below: e.put(below, s, hash>>hashBits, level+1)}
	}
	return n
}

// remove returns n without key, which it must contain, or nil if nothing is left.
func (e *HashMapEdit[K, V]) remove(n *hashNode[K, V], key K, hash uint64) *hashNode[K, V] {
	var bit uint32
	var i int
	if n.bits == 0 {
		i = slices.IndexFunc(n.slots, func(t hashSlot[K, V]) bool { return t.key == key })
	} else {
		bit = 1 << (hash % hashPlaces)
		i = bits.OnesCount32(n.bits & (bit - 1))
	}
	if n.slots[i].below != nil {
		n = e.own(n)
		s := &n.slots[i]
		s.below = e.remove(s.below, key, hash>>hashBits)
		if last := s.below.slots; len(last) == 1 && last[0].below == nil {
			*s = last[0]
		}
		return n
	}
	if len(n.slots) == 1 {
		return nil
	}
	return &hashNode[K, V]{bits: n.bits &^ bit, slots: slices.Concat(n.slots[:i], n.slots[i+1:]), edit: e.id}
}
