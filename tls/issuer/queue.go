package issuer

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"gatelodge.dev"
	"gatelodge.dev/tls/budget"
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

// maxAhead is by how many orders a namespace may be ahead of others because its
// hosts have traffic.
const maxAhead = 50

// queue is the names that something is to be done for: those that wait for their
// time, the earliest first, and those that are due, which wait for the turn of
// their namespace. What changes of a name costs no look at the others.
type queue struct {
	// allowed returns from when on the CA allows an order, by limits that names
	// share, and the limit. Nil: at any time.
	allowed func(s *nameState, now time.Time) (time.Time, budget.Limit)
	// byDomain says that the CA has a limit for registered domains.
	byDomain bool

	waiting stateHeap
	turns   map[asking]*turn // kept for the whole term, or a namespace would come first by asking anew
	begun   int              // attempts begun so far
	busy    []*nameState     // attempts that are in progress, of a bundle the first name

	dueOf   map[string]int      // the number of first orders that are due, by registered domain as in turn
	sharing map[budget.Key]bool // the limits because of which hosts share certificates
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
	latest int                   // the number of its latest attempt, from 1; 0: none yet
	slots  int                   // that its attempts take
	given  int                   // first orders begun since nothing waited for one
	most   int                   // names of a bundle, since one failed without a word which name it was; 0: no limit
	due    map[string]*stateHeap // by registered domain; if that does not matter, under ""

	latestOf map[string]int // the number of the latest attempt by registered domain
}

func newTurn(of asking) *turn {
	return &turn{asking: of, due: make(map[string]*stateHeap), latestOf: make(map[string]int)}
}

// need is how much a certificate is needed; less comes first.
type need int

const (
	begun    need = iota // keeps working what works, completes an order, or needs no CA
	awaited              // clients asked for a host that has none, or will, because that of another issuer ends
	newcomer             // no client is known to wait for it
	further              // the name has, or gets, another certificate
)

func (s *nameState) need() need {
	switch i := s.issuance; {
	case renews(i) || i.Ordered || len(i.Askers) == 0:
		return begun
	case i.Second:
		return further
	case s.awaited || i.Certificate != nil:
		return awaited
	}
	return newcomer
}

func newQueue() *queue {
	return &queue{waiting: stateHeap{before: byTime}, turns: make(map[asking]*turn), dueOf: make(map[string]int), sharing: make(map[budget.Key]bool)}
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
		t = newTurn(of)
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
	if s.in == nil {
		return
	}
	if s.in != &q.waiting {
		q.count(s, -1)
	}
	heap.Remove(s.in, s.index)
}

// count counts first orders that are due.
func (q *queue) count(s *nameState, n int) {
	if s.need() == begun {
		return
	}
	if q.dueOf[s.domain] += n; q.dueOf[s.domain] == 0 {
		delete(q.dueOf, s.domain)
	}
}

// fallDue moves the names whose time has come to the turns of their namespaces.
// It returns when the next one's comes, again if that is earlier.
func (q *queue) fallDue(now, again time.Time) time.Time {
	for q.waiting.Len() > 0 {
		s := q.waiting.list[0]
		if s.at.After(now) {
			again = earliest(again, s.at)
			break
		}
		q.remove(s)
		q.fall(s)
	}
	q.endSharing()
	return again
}

// fall makes a name due.
func (q *queue) fall(s *nameState) {
	due := q.turnOf(s.issuance).due
	s.domain = q.domainOf(s)
	if due[s.domain] == nil {
		due[s.domain] = &stateHeap{before: byUrgency}
	}
	heap.Push(due[s.domain], s)
	q.count(s, +1)
}

// domainOf returns the registered domain of a name, if it matters.
func (q *queue) domainOf(s *nameState) string {
	if !q.byDomain {
		return ""
	}
	return budget.RegisteredDomain(s.issuance.Name)
}

// await marks a name as one that clients asked for.
func (q *queue) await(s *nameState) {
	isDue := s.in != nil && s.in != &q.waiting
	if isDue {
		q.remove(s)
	}
	s.awaited = true
	if isDue {
		q.fall(s)
	}
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

// next returns what is to begin next, nil for nothing, and when to look again at the
// latest for what the limits of the CA allow later, again if that is earlier.
//
// What keeps working what works comes first, then hosts for which clients have asked
// in vain, as long as their namespace is not too far ahead of others. Of equal need,
// namespaces take turns, so that none waits for all that another asks for; and they
// take turns of their own where a limit counts for a registered domain that they
// share. Within a namespace it is what is due longest. Only what is no longer
// requested needs no CA.
func (q *queue) next(withCA bool, now, again time.Time) (*nameState, time.Time) {
	least := q.leastGiven()
	ofDomain := make(map[string]candidate)
	for _, t := range q.turns {
		for domain, due := range t.due {
			switch {
			case due.Len() == 0:
				delete(t.due, domain)
				continue
			case t.slots >= maxOrdersEach, !withCA && !t.none:
				continue
			}
			c := candidate{due.list[0], t, due.list[0].need()}
			if c.need == awaited && t.given > least+maxAhead {
				c.need = newcomer
			}
			if other, found := ofDomain[domain]; !found || c.comesBefore(other, t.latestOf[domain], other.turn.latestOf[domain]) {
				ofDomain[domain] = c
			}
		}
	}
	var first candidate
	for _, c := range ofDomain {
		if first.nameState != nil && !c.comesBefore(first, c.turn.latest, first.turn.latest) {
			continue
		}
		if q.allowed != nil {
			if at, _ := q.allowed(c.nameState, now); at.After(now) {
				again = earliest(again, at)
				continue
			}
		}
		first = c
	}
	return first.nameState, again
}

// candidate is what comes first of a turn.
type candidate struct {
	*nameState
	turn *turn
	need need
}

// comesBefore reports whether c comes before other, if the latest attempts of their
// turns have these numbers.
func (c candidate) comesBefore(other candidate, latest, latestOther int) bool {
	switch {
	case c.need != other.need:
		return c.need < other.need
	case latest != latestOther:
		return latest < latestOther
	}
	return byUrgency(c.nameState, other.nameState)
}

// leastGiven returns the fewest orders that a namespace was given while something of
// it is due.
func (q *queue) leastGiven() int {
	least, some := 0, false
	for _, t := range q.turns {
		if len(t.due) > 0 && !t.none && (!some || t.given < least) {
			least, some = t.given, true
		}
	}
	if !some {
		for _, t := range q.turns {
			t.given = 0
		}
	}
	return least
}

// begin takes something that is due out of the queue.
func (q *queue) begin(s *nameState, now time.Time) {
	t := q.turnOf(s.issuance)
	q.remove(s)
	q.begun++
	t.latest = q.begun
	t.latestOf[q.domainOf(s)] = q.begun
	t.slots++
	if s.need() != begun {
		t.given++
	}
	s.turn, s.began = t, now
	q.busy = append(q.busy, s)
}

// end gives the slot of an attempt back, if it takes one.
func (q *queue) end(s *nameState) {
	s.turn, s.head = nil, nil
	q.busy = slices.DeleteFunc(q.busy, func(other *nameState) bool { return other == s })
}

// byTime orders what waits.
func byTime(a, b *nameState) bool {
	return cmp.Or(a.at.Compare(b.at), a.issuance.Key().Compare(b.issuance.Key())) < 0
}

// byUrgency orders what is due.
func byUrgency(a, b *nameState) bool {
	if a, b := a.need(), b.need(); a != b {
		return a < b
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
