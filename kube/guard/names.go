package guard

import (
	"context"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/claims"
	"gatelodge.dev/kube/objects"
)

// incumbents returns the owners of names before this Build.
func (g *Guard) incumbents(recorded objects.Holdings) claims.Incumbents {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.recorded = recorded
	return claims.Incumbents{Served: g.names.Holdings, Recorded: recorded, Leading: g.leading}
}

// isHeldFrom reports whether a name that an object begins to ask for was served for
// another namespace, so that it is not available until that one has finally given it
// up.
func (g *Guard) isHeldFrom(namespace string, name gatelodge.Name) bool {
	had := g.names.Holdings.Get(name)
	return had != nil && had.Namespace != namespace
}

// The minimum time between two records of owners, that for a record that only repeats
// the age of objects, and that after a failed attempt.
const (
	namesEvery = time.Second
	namesLater = 10 * time.Second
	namesRetry = 5 * time.Second
	namesLast  = 2 * time.Second // the maximum for the last record of a term
)

// KeepNames records the owners of names that several namespaces claim, whenever that
// changes, until ctx ends. The leader calls it: while it runs, what this replica served
// takes precedence over the record. A failed attempt is repeated; put reports it.
func (g *Guard) KeepNames(ctx context.Context, put func(ctx context.Context, h objects.Holdings) error) {
	news := gatelodge.NewSignal()
	written := g.leadNames(news)
	defer g.leadNames(nil)
	timer := time.NewTimer(0)
	defer timer.Stop()
	var changed, next time.Time // when a change was found, zero for none; and the earliest next write
	for {
		select {
		case <-news:
		case <-timer.C:
		case <-ctx.Done():
			// The term ends only when this has returned, so there is no other leader.
			if record, differs, _ := g.namesRecord(written); differs {
				last, cancel := context.WithTimeout(context.WithoutCancel(ctx), namesLast)
				_ = put(last, record) // reported; the age of objects decides what is lost
				cancel()
			}
			return
		}
		record, differs, urgent := g.namesRecord(written)
		now := time.Now()
		switch {
		case !differs:
			changed = time.Time{}
			continue
		case changed.IsZero():
			changed = now
		}
		due := next
		if later := changed.Add(namesLater); !urgent && later.After(due) {
			due = later
		}
		if now.Before(due) {
			timer.Reset(due.Sub(now))
			continue
		}
		next = now.Add(namesEvery)
		if err := put(ctx, record); err != nil {
			next = now.Add(namesRetry)
			timer.Reset(namesRetry)
			continue
		}
		written, changed = record, time.Time{}
	}
}

// leadNames starts to lead, or ends it with a nil channel. It returns the record so
// far.
func (g *Guard) leadNames(news gatelodge.Signal) (recorded objects.Holdings) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.namesNews, g.leading = news, news != nil
	return g.recorded
}

// namesRecord returns the record to write, and whether it differs from the last:
// urgently if without it another namespace would get a name after a restart, by the age
// of objects or by the last record.
func (g *Guard) namesRecord(written objects.Holdings) (record objects.Holdings, differs, urgent bool) {
	g.mu.Lock()
	held := g.names
	g.mu.Unlock()
	record = held.Record(objects.MaxClaims)
	for name, change := range record.Changes(written) {
		if change.Before == nil || change.After == nil || *change.Before != *change.After {
			differs, urgent = true, urgent || change.Before != nil || held.AgainstAge(name)
		}
	}
	return record, differs, urgent
}
