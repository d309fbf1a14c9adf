package objects

import (
	"slices"

	gatelodge "gatelodge.dev"
)

// OrderNames returns the names of a map in the order of Name.Compare. Comparing
// names label by label is the dearest part of a rebuild, so the names that were
// in the last order keep their places and only new ones are sorted in.
func OrderNames[T any](present map[gatelodge.Name]T, last []gatelodge.Name) []gatelodge.Name {
	kept := make([]gatelodge.Name, 0, len(present))
	for _, name := range last {
		if _, ok := present[name]; ok {
			kept = append(kept, name)
		}
	}
	if len(kept) == len(present) {
		return kept
	}
	known := make(map[gatelodge.Name]bool, len(kept))
	for _, name := range kept {
		known[name] = true
	}
	added := make([]gatelodge.Name, 0, len(present)-len(kept))
	for name := range present {
		if !known[name] {
			added = append(added, name)
		}
	}
	slices.SortFunc(added, gatelodge.Name.Compare)

	return InsertSorted(kept, added, gatelodge.Name.Compare)
}

// InsertSorted merges two sorted lists, the second of which is short.
func InsertSorted[T any](list, added []T, compare func(a, b T) int) []T {
	merged := make([]T, 0, len(list)+len(added))
	for _, item := range added {
		i, _ := slices.BinarySearchFunc(list, item, compare)
		merged = append(append(merged, list[:i]...), item)
		list = list[i:]
	}
	return append(merged, list...)
}

// SameSlice tells whether two slices that are never written are one.
func SameSlice[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
