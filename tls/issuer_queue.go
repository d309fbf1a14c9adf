package tls

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"gatelodge.dev"
)

const (
	// maxOrders limits the orders in progress at a time, and maxOrdersEach those
	// of one namespace, so that a slot is left for every other.
	maxOrders     = 8
	maxOrdersEach = maxOrders - 2
	// slotTime is for how long an attempt takes a slot. One that takes longer goes
	// on, but what waits for its CA keeps no other from beginning.
	slotTime = time.Minute
)

// queue is the names that something is to be done for: those that wait for their
// time, the earliest first, and those that are due, which wait for the turn of
// their namespace. What changes of a name costs no look at the others.
type queue struct {
	waiting stateHeap
	turns   map[asking]*turn // kept for the whole term, or a namespace would come first by asking anew
	begun   int              // attempts begun so far
	busy    []*nameState     // attempts that are in progress
}

// asking is whose turn an attempt takes: that of a namespace, of the
// configuration, which is "", or of certificates that are no longer requested.
type asking struct {
	namespace string
	none      bool
}

// turn is the turn of a namespace.
type turn struct {
	asking
	latest int // the number of its latest attempt, from 1; 0: none yet
	slots  int // that its attempts take
	due    stateHeap
}

func newQueue() *queue {
	return &queue{waiting: stateHeap{before: byTime}, turns: make(map[asking]*turn)}
}

// askingOf says whose turn it is.
func askingOf(i *gatelodge.Issuance) asking {
	if len(i.Askers) == 0 {
		return asking{none: true}
	}
	return asking{namespace: i.Askers[0].Namespace}
}

// turnOf returns the turn that an attempt takes.
func (q *queue) turnOf(i *gatelodge.Issuance) *turn {
	of := askingOf(i)
	t := q.turns[of]
	if t == nil {
		t = &turn{asking: of, due: stateHeap{before: byUrgency}}
		q.turns[of] = t
	}
	return t
}

// put has something done for a name at its time.
func (q *queue) put(s *nameState) {
	q.remove(s)
	heap.Push(&q.waiting, s)
}

// remove takes a name out.
func (q *queue) remove(s *nameState) {
	if s.in != nil {
		heap.Remove(s.in, s.index)
	}
}

// fallDue moves the names whose time has come to the turns of their namespaces.
// It returns when the next one's comes, again if that is earlier.
func (q *queue) fallDue(now, again time.Time) time.Time {
	for q.waiting.Len() > 0 {
		s := q.waiting.list[0]
		if s.at.After(now) {
			return earliest(again, s.at)
		}
		q.remove(s)
		heap.Push(&q.turnOf(s.issuance).due, s)
	}
	return again
}

// countSlots counts the slots that are taken. It returns when the next one is
// given up, again if that is earlier.
func (q *queue) countSlots(now, again time.Time) (taken int, next time.Time) {
	for _, t := range q.turns {
		t.slots = 0
	}
	for _, s := range q.busy {
		if until := s.began.Add(slotTime); until.After(now) {
			taken++
			s.turn.slots++
			again = earliest(again, until)
		}
	}
	return taken, again
}

// next returns the turn whose attempt is to begin next, nil for none. Namespaces
// take turns, so that none waits for all that another asks for. Within a namespace
// renewals come before certificates that its names never had, for they keep working
// what works; then what is due longest. Only what is no longer requested needs no
// CA.
func (q *queue) next(withCA bool) (first *turn) {
	for _, t := range q.turns {
		switch {
		case t.due.Len() == 0 || t.slots >= maxOrdersEach || !withCA && !t.none:
		case first == nil, t.comesBefore(first):
			first = t
		}
	}
	return first
}

func (t *turn) comesBefore(other *turn) bool {
	if t.latest != other.latest {
		return t.latest < other.latest
	}
	return byUrgency(t.due.list[0], other.due.list[0])
}

// begin takes out of the queue what is due first of a turn.
func (q *queue) begin(t *turn, now time.Time) *nameState {
	s := t.due.list[0]
	q.remove(s)
	q.begun++
	t.latest = q.begun
	t.slots++
	s.turn, s.began = t, now
	q.busy = append(q.busy, s)
	return s
}

// end gives the slot of an attempt back.
func (q *queue) end(s *nameState) {
	s.turn = nil
	q.busy = slices.DeleteFunc(q.busy, func(other *nameState) bool { return other == s })
}

// byTime orders what waits.
func byTime(a, b *nameState) bool {
	return cmp.Or(a.at.Compare(b.at), a.issuance.Name.Compare(b.issuance.Name)) < 0
}

// byUrgency orders what is due.
func byUrgency(a, b *nameState) bool {
	if renews := a.issuance.Certificate != nil; renews != (b.issuance.Certificate != nil) {
		return renews
	}
	return byTime(a, b)
}

// stateHeap is a heap of names, each of which knows its place. It implements
// heap.Interface.
type stateHeap struct {
	list   []*nameState
	before func(a, b *nameState) bool
}

func (h *stateHeap) Len() int           { return len(h.list) }
func (h *stateHeap) Less(i, j int) bool { return h.before(h.list[i], h.list[j]) }

func (h *stateHeap) Swap(i, j int) {
	h.list[i], h.list[j] = h.list[j], h.list[i]
	h.list[i].index, h.list[j].index = i, j
}

func (h *stateHeap) Push(x any) {
	s := x.(*nameState)
	s.in, s.index = h, len(h.list)
	h.list = append(h.list, s)
}

func (h *stateHeap) Pop() any {
	last := len(h.list) - 1
	s := h.list[last]
	h.list[last] = nil
	h.list = h.list[:last]
	s.in = nil
	return s
}
