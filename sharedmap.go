package gatelodge

import "maps"

// SharedMap is a map that is never written: a change makes another map, which
// shares with the one before all but a few of its parts. A table of a Snapshot
// in which little changed so costs little to make. The zero SharedMap is empty.
type SharedMap[K ~string, V any] struct {
	shards *shards[K, V] // nil: empty
}

const shardCount = 512 // a power of two

type shards[K ~string, V any] [shardCount]map[K]V

// Get returns what is under key, and the zero V for nothing.
func (m SharedMap[K, V]) Get(key K) V {
	if m.shards == nil {
		var zero V
		return zero
	}
	return m.shards[shardOf(key)][key]
}

// shardOf spreads the keys over the shards (FNV-1a, 32 bit). Keys that were
// chosen to fall into one shard make that shard a map of its size, no worse.
func shardOf[K ~string](key K) uint32 {
	hash := uint32(2166136261)
	for i := range len(key) {
		hash = (hash ^ uint32(key[i])) * 16777619
	}
	return (hash ^ hash>>16) % shardCount
}

// SharedMapEdit collects the changes that make another map of one.
type SharedMapEdit[K ~string, V any] struct {
	next *shards[K, V]    // nil: nothing changed yet
	own  [shardCount]bool // shards that were copied already
	from SharedMap[K, V]
}

// Edit begins to make another map of m.
func (m SharedMap[K, V]) Edit() *SharedMapEdit[K, V] {
	return &SharedMapEdit[K, V]{from: m}
}

// Put puts v under key.
func (e *SharedMapEdit[K, V]) Put(key K, v V) { e.shard(key)[key] = v }

// Delete leaves nothing under key.
func (e *SharedMapEdit[K, V]) Delete(key K) { delete(e.shard(key), key) }

// shard returns the part that holds key, as a copy that may be written.
func (e *SharedMapEdit[K, V]) shard(key K) map[K]V {
	if e.next == nil {
		e.next = new(shards[K, V])
		if e.from.shards != nil {
			*e.next = *e.from.shards
		}
	}
	i := shardOf(key)
	if !e.own[i] {
		e.own[i] = true
		if e.next[i] = maps.Clone(e.next[i]); e.next[i] == nil {
			e.next[i] = make(map[K]V)
		}
	}
	return e.next[i]
}

// Map returns the map with the changes. The edit is over.
func (e *SharedMapEdit[K, V]) Map() SharedMap[K, V] {
	if e.next == nil {
		return e.from
	}
	return SharedMap[K, V]{e.next}
}
