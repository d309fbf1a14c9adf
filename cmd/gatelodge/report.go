package main

import (
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
	if before == nil {
		before = &gatelodge.Snapshot{}
	}
	for p, change := range now.Problems.Changes(before.Problems) {
		switch {
		case loggedElsewhere(p):
		case change.After:
			g.log.Warn("problem", "object", p.Object.String(), "reason", string(p.Reason), "message", p.Message)
		default:
			g.log.Info("problem resolved", "object", p.Object.String(), "reason", string(p.Reason))
		}
	}
}

// loggedElsewhere reports whether the source of the problem logs it itself: the cluster
// does, even before there is a snapshot, and so does the guard, whose list may be long
// and grow.
func loggedElsewhere(p gatelodge.Problem) bool {
	return p.Object.Kind == "Cluster" || p.Object.Kind == "Guard"
}
