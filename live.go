package gatelodge

import (
	"sync"
	"sync/atomic"
	"time"
)

// Live is what the gateway serves now: a Snapshot, and the Tables that the servers
// compiled from it. Swap publishes them all in one atomic store,
// so route, certificate and record of a host appear and vanish together.
//
// The zero Live serves nothing yet. Tables are added before the first Swap.
type Live struct {
	swapping sync.Mutex // held through Swap; guards slots
	slots    []slot
	current  atomic.Pointer[publication]
}

// publication is everything that one Swap makes visible.
type publication struct {
	generation uint64
	at         time.Time
	snapshot   *Snapshot
	tables     []any // by slot
}

// slot is a Table without its type.
type slot struct {
	compile   func(next *Snapshot, previous any) any
	published func(table any)
}

// Table is one server's own form of the Snapshot that is live.
type Table[T any] struct {
	live *Live
	slot int
}

// NewTable adds a table to live. On every Swap compile makes it from the next
// Snapshot and the previous table, at first the zero T, whose parts it may reuse
// where those of the Snapshot did not change. It must neither fail nor write to
// the previous table, which is still being read.
//
// published, unless nil, is called with each table after it went live, to drop what
// only the previous table named. Requests may still be using that table, so what
// they use must not be closed. It must not call Swap.
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

// Load returns the table that is live, or the zero T before the first Swap. A
// request, a handshake or a query calls it once, and uses the result to its end.
func (t *Table[T]) Load() T {
	p := t.live.current.Load()
	if p == nil {
		var zero T
		return zero
	}
	table, _ := p.tables[t.slot].(T)
	return table
}

// Swap compiles every table from next, makes next and the tables live in one
// step, and returns the new generation. Concurrent calls take turns.
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

// Current returns what is live: the Snapshot, its number counted from 1 in
// this process, and when it went live. Before the first Swap it returns nil, 0
// and the zero time.
func (l *Live) Current() (snapshot *Snapshot, generation uint64, since time.Time) {
	if p := l.current.Load(); p != nil {
		return p.snapshot, p.generation, p.at
	}
	return nil, 0, time.Time{}
}
