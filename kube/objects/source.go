package objects

import (
	"context"
	"sync"
	"time"

	gatelodge "gatelodge.dev"
)

// Source is where Objects come from.
type Source interface {
	// Run watches until ctx ends, or returns an error if it can't. It calls dirty when
	// Objects is complete for the first time and after each change.
	Run(ctx context.Context, dirty func()) error
	// Objects returns the current objects; it is called after the first dirty.
	Objects() Objects
}

// Changes tend to come in bursts, such as a rollout's. The first one after a
// quiet time is built at once; those that follow are collected until none came
// for quietTime, yet no longer than mostWait.
const (
	quietTime = 10 * time.Millisecond
	mostWait  = 50 * time.Millisecond
)

// Follow runs the source until ctx ends, and calls rebuild when there is
// something new: after a change of the source, after a poke (for what is not in
// the source, the configuration), and at the time that rebuild returned, unless
// that is zero. since is when the first of the changes was seen. The first call
// comes when the source is complete.
//
// It returns the error with which the source failed, and nil when ctx ended.
func Follow(ctx context.Context, source Source, poke <-chan struct{}, rebuild func(objs Objects, since time.Time) (rebuildAt time.Time)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	changes := &changes{signal: gatelodge.NewSignal()}
	failed := make(chan error, 1)
	go func() { failed <- source.Run(ctx, changes.mark) }()

	var built, rebuildAt time.Time
	complete := false // the source called dirty
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		// What is due is either the changes that were collected or the time
		// that rebuild asked for. Everything below only wakes the loop.
		if first, last := changes.span(); complete && !first.IsZero() {
			if due := dueAt(first, last, built); time.Now().Before(due) {
				timer.Reset(time.Until(due))
			} else {
				changes.take()
				rebuildAt = rebuild(source.Objects(), first)
				built = time.Now()
				continue
			}
		} else if complete && !rebuildAt.IsZero() {
			if time.Now().Before(rebuildAt) {
				// The clock may be set meanwhile, so look at it now and then.
				timer.Reset(min(time.Until(rebuildAt), time.Minute))
			} else {
				rebuildAt = rebuild(source.Objects(), rebuildAt)
				built = time.Now()
				continue
			}
		}
		select {
		case <-changes.signal:
			complete = true
		case <-poke:
			if complete {
				changes.mark()
			}
		case <-timer.C:
		case err := <-failed:
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				return err
			}
			failed = nil // it will not change any more, but is still served
		case <-ctx.Done():
			if failed != nil {
				<-failed
			}
			return nil
		}
	}
}

// dueAt returns when changes seen from first to last are to be built, after a build
// that ended at built.
func dueAt(first, last, built time.Time) time.Time {
	if first.Sub(built) >= quietTime {
		return first
	}
	due := last.Add(quietTime)
	if most := first.Add(mostWait); due.After(most) {
		return most
	}
	return due
}

// changes records when something became dirty.
type changes struct {
	signal gatelodge.Signal

	mu          sync.Mutex
	first, last time.Time // zero: nothing is dirty
}

func (c *changes) mark() {
	now := time.Now()
	c.mu.Lock()
	if c.first.IsZero() {
		c.first = now
	}
	c.last = now
	c.mu.Unlock()
	c.signal.Raise()
}

func (c *changes) span() (first, last time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.first, c.last
}

// take drops the changes, before the objects with them are read.
func (c *changes) take() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.first, c.last = time.Time{}, time.Time{}
}
