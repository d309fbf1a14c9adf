package gatelodge

import (
	"sync"
	"sync/atomic"
	"time"
)

// Live is what the gateway serves now: a Snapshot and the Tables that the servers
// compiled from it. Swap publishes them all in one atomic store, so the route,
// certificate and record of a host appear and disappear together.
//
// The zero Live serves nothing. All tables must be added before the first Swap.
type Live struct {
	swapping sync.Mutex // held through Swap; guards slots
	slots    []slot
	current  atomic.Pointer[publication]
}

// publication is everything that one Swap publishes.
type publication struct {
	generation uint64
	at         time.Time
	snapshot   *Snapshot
	tables     []any // indexed by slot
}

// slot holds the functions of one Table, with its type erased.
type slot struct {
	compile   func(next *Snapshot, previous any) any
	published func(table any)
}

// Table is one server's compiled form of the live Snapshot.
type Table[T any] struct {
	live *Live
	slot int
}

// NewTable adds a table to live. Every Swap calls compile with the next Snapshot
// and the previous table (the zero T at first). compile may reuse the parts of
// previous whose source did not change; it must not fail, and must not modify
// previous, which requests are still reading. NewTable panics after the first Swap.
//
// If published is not nil, it is called with each table after that table went live,
// to release what only the previous table referred to. Requests may still be using
// the previous table, so published must not close anything they use. It must not
// call Swap.
func NewTable[T any](live *Live, compile func(next *Snapshot, previous T) T, published func(T)) *Table[T] {
	live.swapping.Lock()
	defer live.swapping.Unlock()
	if live.current.Load() != nil {
		panic("gatelodge: NewTable after the first Swap")
	}
	s := slot{compile: func(next *Snapshot, previous any) any {
		p, _ := previous.(T) // nil before the first Swap
		return compile(next, p)
	}}
	if published != nil {
		s.published = func(table any) {
			t, _ := table.(T)
			published(t)
		}
	}
	live.slots = append(live.slots, s)
	return &Table[T]{live: live, slot: len(live.slots) - 1}
}

// Load returns the live table, or the zero T before the first Swap. A request,
// handshake or query calls it once and uses that table until it ends.
func (t *Table[T]) Load() T {
	p := t.live.current.Load()
	if p == nil {
		var zero T
		return zero
	}
	table, _ := p.tables[t.slot].(T)
	return table
}

// Swap compiles every table from next, publishes next and the tables in one step,
// and returns the new generation. Concurrent calls run one after the other.
func (l *Live) Swap(next *Snapshot) (generation uint64) {
	l.swapping.Lock()
	defer l.swapping.Unlock()

	previous := l.current.Load()
	p := &publication{generation: 1, snapshot: next, tables: make([]any, len(l.slots))}
	if previous != nil {
		p.generation = previous.generation + 1
	}
	for i, s := range l.slots {
		var before any
		if previous != nil {
			before = previous.tables[i]
		}
		p.tables[i] = s.compile(next, before)
	}
	p.at = time.Now()
	l.current.Store(p)

	for i, s := range l.slots {
		if s.published != nil {
			s.published(p.tables[i])
		}
	}
	return p.generation
}

// Current returns the live Snapshot, its generation (counted from 1 in this
// process) and the time at which it went live. Before the first Swap it returns
// nil, 0 and the zero time.
func (l *Live) Current() (snapshot *Snapshot, generation uint64, since time.Time) {
	if p := l.current.Load(); p != nil {
		return p.snapshot, p.generation, p.at
	}
	return nil, 0, time.Time{}
}
