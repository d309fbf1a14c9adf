package main

import (
	"slices"

	gatelodge "gatelodge.dev"
)

// report logs what a swap changed: the keys that differ, and the problems that
// are new or resolved.
func (g *gateway) report(before, now *gatelodge.Snapshot, generation uint64) {
	const most = 20 // keys in one line
	if changes := now.Changes(before); len(changes) > most {
		g.log.Info("live", "generation", generation, "changes", len(changes), "first", changes[:most])
	} else if len(changes) > 0 {
		g.log.Info("live", "generation", generation, "changes", changes)
	}
	var old []gatelodge.Problem
	if before != nil {
		old = before.Problems
	}
	for _, p := range missing(now.Problems, old) {
		if loggedElsewhere(p) {
			continue
		}
		g.log.Warn("problem", "object", p.Object.String(), "reason", string(p.Reason), "message", p.Message)
	}
	for _, p := range missing(old, now.Problems) {
		if loggedElsewhere(p) {
			continue
		}
		g.log.Info("problem resolved", "object", p.Object.String(), "reason", string(p.Reason))
	}
}

// loggedElsewhere reports whether the source of the problem logs it itself: the
// cluster does, also before there is a snapshot, and so does the guard, whose
// list may be long and grow.
func loggedElsewhere(p gatelodge.Problem) bool {
	return p.Object.Kind == "Cluster" || p.Object.Kind == "Guard"
}

// missing returns the problems in all that are not in others. Both are sorted.
func missing(all, others []gatelodge.Problem) []gatelodge.Problem {
	var result []gatelodge.Problem
	for _, p := range all {
		if _, found := slices.BinarySearchFunc(others, p, gatelodge.Problem.Compare); !found {
			result = append(result, p)
		}
	}
	return result
}
