package gatelodge

import "iter"

// Change holds the values of one key in two Maps; the zero V where a Map does not
// have the key.
type Change[V comparable] struct{ Before, After V }

// Changes iterates in order over the keys whose values in m and before differ. If
// one Map was made from the other, the cost is proportional to the changes, because
// shared nodes are skipped; two unrelated Maps are compared value by value.
func (m Map[K, V]) Changes(before Map[K, V]) iter.Seq2[K, Change[V]] {
	return func(yield func(K, Change[V]) bool) {
		a, b := mapCursor[K, V]{node: before.root}, mapCursor[K, V]{node: m.root}
		for {
			// Different nodes are opened until both cursors are at an item. The
			// higher node is opened first, so that shared nodes meet at the same
			// level.
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

// nextChange advances past the first item, or past both if their keys are equal.
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
	case x.key != y.key: // cheaper than Compare, and rare
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

// mapCursor is a position in a Map: in front of a node, in front of an item, or at the end.
type mapCursor[K Ordered[K], V comparable] struct {
	node *mapNode[K, V] // the node that comes next; nil: an item comes next
	path []mapStep[K, V]
}

// mapStep is an opened node and the index of its next item.
type mapStep[K Ordered[K], V comparable] struct {
	node *mapNode[K, V]
	item int
}

// open descends into the node that comes next.
func (c *mapCursor[K, V]) open() {
	c.path = append(c.path, mapStep[K, V]{node: c.node})
	c.node = c.node.kid(0)
}

// skip advances past the node that comes next.
func (c *mapCursor[K, V]) skip() { c.node = nil }

// item returns the item that comes next, or nil at the end.
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

// next advances past the item that comes next.
func (c *mapCursor[K, V]) next() {
	step := &c.path[len(c.path)-1]
	step.item++
	c.node = step.node.kid(step.item)
}
