package gatelodge

// Differences calls f for each item that two lists of a Snapshot and its
// successor do not have in common: with nil for before where it is new, nil for
// after where it is gone, and both where the content under one key changed. The
// lists are sorted by compare and hold each key once. It costs a comparison of
// pointers for each item that stayed.
func Differences[T any](before, after []*T, compare func(a, b *T) int, f func(before, after *T)) {
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
