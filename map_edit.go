package gatelodge

import (
	"iter"
	"slices"
)

// NewMap returns a Map of these keys and values. It takes linear time if the keys
// come in order, and longer otherwise.
func NewMap[K Ordered[K], V comparable](values iter.Seq2[K, V]) Map[K, V] {
	var zero V
	var b mapBuilder[K, V]
	var late *MapEdit[K, V]
	for key, value := range values {
		switch {
		case late != nil:
			late.Set(key, value)
		case b.length > 0 && b.last.Compare(key) >= 0:
			late = b.build().Edit()
			late.Set(key, value)
		case value != zero:
			b.add(key, value)
		}
	}
	if late != nil {
		return late.Map()
	}
	return b.build()
}

// mapOf returns a Map of values, each under its keyOf.
func mapOf[K Ordered[K], V comparable](values []V, keyOf func(V) K) Map[K, V] {
	return NewMap(func(yield func(K, V) bool) {
		for _, value := range values {
			if !yield(keyOf(value), value) {
				return
			}
		}
	})
}

// With returns m with key set to value.
func (m Map[K, V]) With(key K, value V) Map[K, V] {
	e := m.Edit()
	e.Set(key, value)
	return e.Map()
}

// Without returns m without key.
func (m Map[K, V]) Without(key K) Map[K, V] {
	var zero V
	return m.With(key, zero)
}

// MapEdit builds a new Map through many changes, each cheaper than making a Map in
// between. It must not be used by several goroutines at once.
type MapEdit[K Ordered[K], V comparable] struct {
	m  Map[K, V]
	id *mapEditID // marks nodes that no other Map shares
}

// mapEditID must not have size zero, because edits are told apart by its address.
type mapEditID struct{ _ byte }

// Edit starts an edit of m, which stays unchanged.
func (m Map[K, V]) Edit() *MapEdit[K, V] {
	return &MapEdit[K, V]{m: m, id: new(mapEditID)}
}

// Map returns the Map with all changes so far. The edit may continue afterwards.
func (e *MapEdit[K, V]) Map() Map[K, V] {
	e.id = new(mapEditID)
	return e.m
}

// Get returns the value of key, including the changes so far.
func (e *MapEdit[K, V]) Get(key K) V { return e.m.Get(key) }

// Set sets key to value; the zero V removes the key.
func (e *MapEdit[K, V]) Set(key K, value V) {
	var zero V
	switch before := e.m.Get(key); {
	case value == before:
	case value == zero:
		e.m.root = e.remove(e.m.root, key)
		e.m.length--
	case before == zero:
		e.m.root = e.insert(e.m.root, mapItem[K, V]{key, value}, levelOf(key))
		e.m.length++
	default:
		e.m.root = e.replace(e.m.root, key, value)
	}
}

// own returns n, or a copy of it if another Map shares it.
func (e *MapEdit[K, V]) own(n *mapNode[K, V]) *mapNode[K, V] {
	if n.edit == e.id {
		return n
	}
	return &mapNode[K, V]{items: slices.Clone(n.items), kids: slices.Clone(n.kids), edit: e.id, level: n.level}
}

// replace returns n with a new value for key, which it must contain.
func (e *MapEdit[K, V]) replace(n *mapNode[K, V], key K, value V) *mapNode[K, V] {
	n = e.own(n)
	i, found := n.search(key)
	if found {
		n.items[i].value = value
	} else {
		n.kids[i] = e.replace(n.kids[i], key, value)
	}
	return n
}

// insert returns n with item, whose key it must not contain.
func (e *MapEdit[K, V]) insert(n *mapNode[K, V], item mapItem[K, V], level uint8) *mapNode[K, V] {
	if n == nil || n.level < level {
		before, after := e.split(n, item.key)
		return e.node(level, []mapItem[K, V]{item}, nil, mapNodes[K, V]{before, after}, nil)
	}
	i, _ := n.search(item.key)
	if n.level > level {
		n = e.own(n)
		n.kids[i] = e.insert(n.kids[i], item, level)
		return n
	}
	before, after := e.split(n.kid(i), item.key)
	return e.node(level, slices.Insert(slices.Clip(n.items), i, item), n.kidsTo(i), mapNodes[K, V]{before, after}, n.kidsFrom(i+1))
}

// split divides n, which must not contain key, into what is before and after key.
func (e *MapEdit[K, V]) split(n *mapNode[K, V], key K) (before, after *mapNode[K, V]) {
	if n == nil {
		return nil, nil
	}
	i, _ := n.search(key)
	before, after = e.split(n.kid(i), key)
	if i > 0 {
		before = e.node(n.level, slices.Clone(n.items[:i]), n.kidsTo(i), mapNodes[K, V]{before}, nil)
	}
	if i < len(n.items) {
		after = e.node(n.level, slices.Clone(n.items[i:]), nil, mapNodes[K, V]{after}, n.kidsFrom(i+1))
	}
	return before, after
}

// remove returns n without key, which it must contain.
func (e *MapEdit[K, V]) remove(n *mapNode[K, V], key K) *mapNode[K, V] {
	i, found := n.search(key)
	if !found {
		n = e.own(n)
		n.kids[i] = e.remove(n.kids[i], key)
		return n
	}
	joined := e.join(n.kid(i), n.kid(i+1))
	if len(n.items) == 1 {
		return joined
	}
	return e.node(n.level, slices.Concat(n.items[:i], n.items[i+1:]), n.kidsTo(i), mapNodes[K, V]{joined}, n.kidsFrom(i+2))
}

// join merges two subtrees; all keys of after must come behind those of before.
func (e *MapEdit[K, V]) join(before, after *mapNode[K, V]) *mapNode[K, V] {
	switch {
	case before == nil:
		return after
	case after == nil:
		return before
	case before.level < after.level:
		after = e.own(after)
		after.kids[0] = e.join(before, after.kids[0])
		return after
	case before.level > after.level:
		before = e.own(before)
		last := len(before.items)
		before.kids[last] = e.join(before.kids[last], after)
		return before
	}
	last := len(before.items)
	joined := e.join(before.kid(last), after.kid(0))
	return e.node(before.level, slices.Concat(before.items, after.items), before.kidsTo(last), mapNodes[K, V]{joined}, after.kidsFrom(1))
}

// node returns a new node of this edit. Its kids are the three lists, concatenated;
// a node of level 0 has none.
func (e *MapEdit[K, V]) node(level uint8, items []mapItem[K, V], left, middle, right mapNodes[K, V]) *mapNode[K, V] {
	n := &mapNode[K, V]{items: items, edit: e.id, level: level}
	if level > 0 {
		n.kids = slices.Concat(left, middle, right)
	}
	return n
}

// kidsTo returns the kids in front of item i, except the one directly in front of it.
func (n *mapNode[K, V]) kidsTo(i int) mapNodes[K, V] { return n.kids[:min(i, len(n.kids))] }

// kidsFrom returns the kids from the one directly in front of item i onwards.
func (n *mapNode[K, V]) kidsFrom(i int) mapNodes[K, V] { return n.kids[min(i, len(n.kids)):] }

// mapBuilder builds a Map from keys that come in order.
type mapBuilder[K Ordered[K], V comparable] struct {
	open   []mapNode[K, V] // by level: the node that gets the next item and still lacks its last kid
	last   K
	length int
}

func (b *mapBuilder[K, V]) add(key K, value V) {
	level := levelOf(key)
	for len(b.open) <= int(level) {
		b.open = append(b.open, mapNode[K, V]{level: uint8(len(b.open))})
	}
	kid := b.close(level)
	n := &b.open[level]
	n.items = append(n.items, mapItem[K, V]{key, value})
	if level > 0 {
		n.kids = append(n.kids, kid)
	}
	b.last = key
	b.length++
}

// close returns the subtree of what was added since the last item of this level or a higher one.
func (b *mapBuilder[K, V]) close(level uint8) (closed *mapNode[K, V]) {
	for i := range b.open[:level] {
		n := &b.open[i]
		if len(n.items) == 0 {
			continue
		}
		done := &mapNode[K, V]{items: slices.Clone(n.items), level: n.level}
		if n.level > 0 {
			done.kids = slices.Clone(append(n.kids, closed))
		}
		n.items, n.kids, closed = n.items[:0], n.kids[:0], done
	}
	return closed
}

func (b *mapBuilder[K, V]) build() Map[K, V] {
	return Map[K, V]{b.close(uint8(len(b.open))), b.length}
}
