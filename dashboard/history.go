package dashboard

import (
	"slices"
	"sync"
	"time"

	gatelodge "gatelodge.dev"
)

// Limits of the history, which is a few MiB at most.
const (
	mostGenerations = 40  // that changed something
	mostChanges     = 60  // of a generation; the others are counted
	mostDetails     = 6   // of a change
	mostOctets      = 200 // of a detail
)

// history contains the changes of the last generations.
type history struct {
	mu   sync.Mutex
	last []generation // the latest last
}

// generation contains the changes of one swap.
type generation struct {
	Number  uint64
	At      time.Time
	Counts  []changeCount
	Changes []change
	More    int // changes that are not in Changes
}

// changeCount counts the changes of a kind and action.
type changeCount struct {
	Action action
	Kind   string
	Count  int
}

// action is what happened to a thing, as the word that is shown.
type action string

const (
	added   action = "added"
	removed action = "removed"
	changed action = "changed"
)

// change is one thing that differs.
type change struct {
	Action  action
	Kind    string // "host", "backend", "certificate", "record" or "problem"
	Name    string
	To      string           // the page that shows it; "": none
	Object  gatelodge.Object // the object that asks for it; zero: none, or unknown
	Details []detail
}

// detail is a part of a thing: a route, an endpoint, a record.
type detail struct {
	Action action
	Text   string
}

// add records what a swap changed, if anything.
func (h *history) add(before, now *gatelodge.Snapshot, number uint64, at time.Time) {
	g := generation{Number: number, At: at}
	for c := range differences(before, now) {
		i := slices.IndexFunc(g.Counts, func(k changeCount) bool { return k.Action == c.Action && k.Kind == c.Kind })
		if i < 0 {
			i = len(g.Counts)
			g.Counts = append(g.Counts, changeCount{Action: c.Action, Kind: c.Kind})
		}
		g.Counts[i].Count++
		if len(g.Changes) == mostChanges {
			g.More++
			continue
		}
		g.Changes = append(g.Changes, c.detailed())
	}
	if len(g.Changes) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.last) == mostGenerations {
		h.last = slices.Delete(h.last, 0, 1)
	}
	h.last = append(h.last, g)
}

// latest returns the generations, the latest first.
func (h *history) latest(most int) []generation {
	h.mu.Lock()
	defer h.mu.Unlock()
	last := slices.Clone(h.last[max(0, len(h.last)-most):])
	slices.Reverse(last)
	return last
}
