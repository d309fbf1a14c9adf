package guard

import (
	"context"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/claims"
	"gatelodge.dev/kube/objects"
)

// incumbents is who had the names before this Build.
func (g *Guard) incumbents(recorded objects.Holdings) claims.Incumbents {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.recorded = recorded
	return claims.Incumbents{Served: g.names.Holdings, Recorded: recorded, Leading: g.leading}
}

// isHeldFrom reports whether a name that an object begins to ask for was served
// for another namespace, and so is not to be had before that one has given it up
// for good.
func (g *Guard) isHeldFrom(namespace string, name gatelodge.Name) bool {
	had := g.names.Holdings.Get(name)
	return had != nil && had.Namespace != namespace
}

// The least time between two records of who has which names, that for which one
// waits which says no more than the age of objects, and that after which a
// failed attempt is repeated.
const (
	namesEvery = time.Second
	namesLater = 10 * time.Second
	namesRetry = 5 * time.Second
	namesLast  = 2 * time.Second // the most that the last record of a term takes
)

// KeepNames writes down who has the names that several namespaces have to do
// with, whenever that changes, until ctx ends. It is the leader's: while it runs,
// what this replica served counts before what was written down. A failed attempt
// is repeated; put reports it.
func (g *Guard) KeepNames(ctx context.Context, put func(ctx context.Context, h objects.Holdings) error) {
	news := gatelodge.NewSignal()
	written := g.leadNames(news)
	defer g.leadNames(nil)
	timer := time.NewTimer(0)
	defer timer.Stop()
	var changed, next time.Time // when there was something to write, zero for nothing; and not before
	for {
		select {
		case <-news:
		case <-timer.C:
		case <-ctx.Done():
			// The term ends only when this has returned, so there is no other leader.
			if record, differs, _ := g.namesRecord(written); differs {
				last, cancel := context.WithTimeout(context.WithoutCancel(ctx), namesLast)
				_ = put(last, record) // reported; what is lost is left to the age of objects
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

// leadNames begins to lead, or with a nil channel ends it. It returns what was
// written down by then.
func (g *Guard) leadNames(news gatelodge.Signal) (recorded objects.Holdings) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.namesNews, g.leading = news, news != nil
	return g.recorded
}

// namesRecord returns what is to be written down, and whether it differs from what
// is: urgently if without it a name would be another's after a restart, by the age
// of objects or by what is written down.
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
