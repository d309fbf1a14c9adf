package publish

import (
	gatelodge "gatelodge.dev"
)

// differences calls f for each item that two lists do not have in common: with
// nil for before where it is new, nil for after where it is gone, and both where
// the content under one key changed. The lists are sorted by compare and hold
// each key once.
func differences[T any](before, after []*T, compare func(a, b *T) int, f func(before, after *T)) {
	if len(before) == len(after) && (len(before) == 0 || &before[0] == &after[0]) {
		return
	}
	for len(before) > 0 && len(after) > 0 {
		if before[0] == after[0] {
			before, after = before[1:], after[1:]
			continue
		}
		switch order := compare(before[0], after[0]); {
		case order < 0:
			f(before[0], nil)
			before = before[1:]
		case order > 0:
			f(nil, after[0])
			after = after[1:]
		default:
			f(before[0], after[0])
			before, after = before[1:], after[1:]
		}
	}
	for _, gone := range before {
		f(gone, nil)
	}
	for _, added := range after {
		f(nil, added)
	}
}

// followList returns the Map of a list, made of that of the list before; both are
// sorted by key.
func followList[K gatelodge.Ordered[K], T any, V comparable](m gatelodge.Map[K, V], before, after []*T, of func(*T) (K, V)) gatelodge.Map[K, V] {
	compare := func(a, b *T) int {
		x, _ := of(a)
		y, _ := of(b)
		return x.Compare(y)
	}
	var none V
	edit := m.Edit()
	differences(before, after, compare, func(before, after *T) {
		if after == nil {
			key, _ := of(before)
			edit.Set(key, none)
		} else {
			edit.Set(of(after))
		}
	})
	return edit.Map()
}
