package guard

import (
	"maps"
	"slices"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// window records how many hosts were served at each moment of the recent past, and
// which of them disappeared. Deleting everything arrives as many small changes, each of
// them harmless.
type window struct {
	moments []moment // the oldest first; each lasts until the next
	came    map[gatelodge.Name]time.Time
	gone    map[gatelodge.Name]interval
	goneOf  map[string]int // the number of hosts in gone of each namespace
}

// moment is when this number of hosts began to be served.
type moment struct {
	at    time.Time
	hosts int
}

// interval is when a host was served that has disappeared.
type interval struct {
	came, gone time.Time
	owner      string // the namespace that had it
}

// observe records a change of the served hosts, and drops what was over by since.
func (w *window) observe(before, now gatelodge.Map[gatelodge.Name, *gatelodge.Host], at, since time.Time) {
	if w.gone == nil {
		w.came, w.gone = make(map[gatelodge.Name]time.Time), make(map[gatelodge.Name]interval)
		w.goneOf = make(map[string]int)
		w.moments = []moment{{since, before.Len()}}
	}
	maps.DeleteFunc(w.came, func(_ gatelodge.Name, came time.Time) bool { return came.Before(since) })
	for name, served := range w.gone {
		if served.gone.Before(since) {
			w.forget(name)
		}
	}
	for len(w.moments) > 1 && w.moments[1].at.Before(since) {
		w.moments = w.moments[1:]
	}

	changed := false
	for name, change := range now.Changes(before) {
		switch changed = true; {
		case change.Before == nil:
			w.came[name] = at
			w.forget(name)
		case change.After == nil:
			if owner := change.Before.Owner; w.goneOf[owner] < maxGone {
				w.gone[name] = interval{w.came[name], at, owner}
				w.goneOf[owner]++
			}
			delete(w.came, name)
		}
	}
	if changed {
		w.moments = append(w.moments, moment{at, now.Len()})
	}
}

// forget drops a host from those that disappeared.
func (w *window) forget(name gatelodge.Name) {
	if served, ok := w.gone[name]; ok {
		delete(w.gone, name)
		if w.goneOf[served.owner]--; w.goneOf[served.owner] == 0 {
			delete(w.goneOf, served.owner)
		}
	}
}

// exceeded reports whether, of the hosts that were served at any one moment, more have
// disappeared than may, among those that count. So hosts that come and go one after the
// other don't add up.
func (w *window) exceeded(cfg *objects.GuardConfig, counting func() map[gatelodge.Name]bool) bool {
	if len(w.gone) <= cfg.Minimum {
		return false
	}
	counts := counting()
	change := make([]int, len(w.moments)+1) // changes between moments, of the hosts that have disappeared
	index := func(t time.Time) int {
		i, _ := slices.BinarySearchFunc(w.moments, t, func(m moment, t time.Time) int { return m.at.Compare(t) })
		return i
	}
	for name, served := range w.gone {
		if counts[name] {
			change[index(served.came)]++
			change[index(served.gone)]--
		}
	}
	gone := 0
	for i, m := range w.moments {
		if gone += change[i]; cfg.TooFew(m.hosts-gone, m.hosts) {
			return true
		}
	}
	return false
}
