package gatelodge

import "iter"

// Change is what became of a key: its values in two Maps, the zero V where it
// has none.
type Change[V comparable] struct{ Before, After V }

// Changes goes through the keys whose values in m and in before differ, in their
// order. If one Map was made of the other it costs what changed, because it
// skips what they share; of two that were made apart it compares all values.
func (m Map[K, V]) Changes(before Map[K, V]) iter.Seq2[K, Change[V]] {
	return func(yield func(K, Change[V]) bool) {
		a, b := mapCursor[K, V]{node: before.root}, mapCursor[K, V]{node: m.root}
		for {
			// Nodes that are not the same are opened until both cursors are at an
			// item, the higher one first, so that those which are the same meet.
			switch {
			case a.node != nil && a.node == b.node:
				a.skip()
				b.skip()
			case a.node != nil && (b.node == nil || a.node.level >= b.node.level):
				a.open()
			case b.node != nil:
				b.open()
			default:
				key, change, more := nextChange(&a, &b)
				if !more || change.Before != change.After && !yield(key, change) {
					return
				}
			}
		}
	}
}

// nextChange goes past the item that comes first, or both if they have one key.
func nextChange[K Ordered[K], V comparable](a, b *mapCursor[K, V]) (key K, change Change[V], more bool) {
	x, y := a.item(), b.item()
	order := 0
	switch {
	case x == nil && y == nil:
		return key, change, false
	case x == nil:
		order = 1
	case y == nil:
		order = -1
	case x.key != y.key: // which is cheaper to see, and rare
		order = x.key.Compare(y.key)
	}
	if order <= 0 {
		key, change.Before = x.key, x.value
		a.next()
	}
	if order >= 0 {
		key, change.After = y.key, y.value
		b.next()
	}
	return key, change, true
}

// mapCursor is a place in a Map: before a node, before an item or at the end.
type mapCursor[K Ordered[K], V comparable] struct {
	node *mapNode[K, V] // that comes next; nil: the item comes
	path []mapStep[K, V]
}

// mapStep is a node that was opened, and which of its items comes next.
type mapStep[K Ordered[K], V comparable] struct {
	node *mapNode[K, V]
	item int
}

// open goes into the node that comes next.
func (c *mapCursor[K, V]) open() {
	c.path = append(c.path, mapStep[K, V]{node: c.node})
	c.node = c.node.kid(0)
}

// skip goes past the node that comes next.
func (c *mapCursor[K, V]) skip() { c.node = nil }

// item returns the item that comes next, and nil at the end.
func (c *mapCursor[K, V]) item() *mapItem[K, V] {
	for len(c.path) > 0 {
		step := &c.path[len(c.path)-1]
		if step.item < len(step.node.items) {
			return &step.node.items[step.item]
		}
		c.path = c.path[:len(c.path)-1]
	}
	return nil
}

// next goes past the item that comes next.
func (c *mapCursor[K, V]) next() {
	step := &c.path[len(c.path)-1]
	step.item++
	c.node = step.node.kid(step.item)
}
