package issuer

import (
	"maps"
	"time"

	"gatelodge.dev"
	"gatelodge.dev/tls/budget"
)

// Planned is a certificate that is to be ordered.
type Planned struct {
	Name      gatelodge.Name
	KeyType   gatelodge.KeyType
	Namespace string    // that asks for it; "": the configuration
	At        time.Time // when its order can begin, as far as is known now
	Renewal   bool
	With      gatelodge.Name // whose certificate is for Name, too; "": it is its own
	Busy      bool           // the order is in progress
	Waits     string         // what it waits for: a limit of the CA, "retry" after a failure, or "" for nothing
}

// waitsForRetry is what a name waits for whose last order failed.
const waitsForRetry = "retry"

// planHorizon limits how far a plan looks ahead.
const planHorizon = 10 * 365 * 24 * time.Hour

// Plan returns what an Issuer would order that begins now and has ordered nothing
// before, in its order.
func Plan(issuing *gatelodge.Issuing, now time.Time) []Planned {
	if issuing == nil {
		return nil
	}
	p := newPlan(budget.NewLedger(issuing.Account.Limits), now)
	for _, issuance := range issuing.Issuances.All() {
		p.add(&nameState{issuance: issuance}, now)
	}
	return p.run()
}

// Plan returns what is to be ordered, in the order in which it will be. The leader
// knows for which hosts clients wait, and what is in progress; other replicas, for
// which leading is false, return nothing.
func (i *Issuer) Plan(now time.Time) (planned []Planned, leading bool) {
	i.mu.Lock()
	t := i.term
	i.mu.Unlock()
	if t == nil {
		return nil, false
	}
	return t.plan(now).run(), true
}

// plan copies what a term has to do.
func (t *term) plan(now time.Time) *plan {
	t.mu.Lock()
	defer t.mu.Unlock()
	ledger := budget.NewLedger(gatelodge.CALimits{})
	if len(t.authorities) > 0 {
		first, _ := t.authorityAt(&gatelodge.Issuance{}, now)
		first.allowance.view(func(l *budget.Ledger) { ledger = l.Clone() })
	}
	p := newPlan(ledger, now)
	p.queue.begun, p.queue.sharing = t.queue.begun, maps.Clone(t.queue.sharing)
	for of, from := range t.queue.turns {
		to := newTurn(of)
		to.latest, to.given, to.most, to.latestOf = from.latest, from.given, from.most, maps.Clone(from.latestOf)
		p.queue.turns[of] = to
	}
	for _, s := range t.names {
		switch {
		case s.issuance == nil || len(s.issuance.Askers) == 0:
		case s.turn != nil:
			p.list = append(p.list, plannedOf(s.issuance, s.began))
			p.list[len(p.list)-1].Busy = true
			p.list[len(p.list)-1].With = s.headName()
		default:
			next := s.next
			if a, at := t.authorityAt(s.issuance, now); a != nil && a.failing > 0 {
				next = latest(next, at)
			}
			p.add(&nameState{issuance: s.issuance, awaited: s.awaited, next: next, since: s.since}, now)
		}
	}
	return p
}

// plan is a queue that is run in made-up time: what is due begins and ends at once.
type plan struct {
	queue  *queue
	ledger *budget.Ledger
	now    time.Time
	names  map[gatelodge.IssuanceKey]*nameState
	limits map[string]budget.Limit // which keeps back first orders for names of a registered domain
	list   []Planned
}

func newPlan(ledger *budget.Ledger, now time.Time) *plan {
	p := &plan{queue: newQueue(), ledger: ledger, now: now, names: make(map[gatelodge.IssuanceKey]*nameState), limits: make(map[string]budget.Limit)}
	p.queue.byDomain = ledger.Limits.Domain.Count > 0
	p.queue.allowed = func(s *nameState, now time.Time) (time.Time, budget.Limit) {
		at, limit := p.ledger.Shared(orderOf(s.issuance), now)
		if at.After(now) {
			p.limits[budget.RegisteredDomain(s.issuance.Name)] = limit
		}
		return at, limit
	}
	return p
}

// add adds a certificate if there is something to order by now.
func (p *plan) add(s *nameState, now time.Time) {
	if len(s.issuance.Askers) == 0 {
		return
	}
	at, ever := dueTime(s.issuance, s.since)
	if !ever || s.issuance.Certificate != nil && at.After(now) && s.issuance.RetryAt.IsZero() {
		return // it can't be ordered, or is not due for renewal
	}
	s.at = latest(latest(at, s.next), now)
	if own, limit := p.ledger.Own(s.issuance.Name, s.at); own.After(s.at) {
		s.at, s.limit = own, limit
	}
	p.names[s.issuance.Key()] = s
	p.queue.put(s)
}

func (p *plan) run() []Planned {
	for clock, end := p.now, p.now.Add(planHorizon); clock.Before(end); {
		again := p.queue.fallDue(clock, end)
		var s *nameState
		if s, again = p.queue.next(true, clock, again); s == nil {
			clock = again
			continue
		}
		p.begin(s, clock)
	}
	return p.list
}

// plannedOf is an order that begins at a time.
func plannedOf(i *gatelodge.Issuance, at time.Time) Planned {
	return Planned{Name: i.Name, KeyType: i.KeyType, Namespace: askingOf(i).namespace, At: at, Renewal: renews(i)}
}

// begin begins an order at a time, and ends it.
func (p *plan) begin(s *nameState, clock time.Time) {
	p.queue.begin(s, clock)
	bundle := []*gatelodge.Issuance{s.issuance}
	states := []*nameState{s}
	for _, other := range p.queue.bundle(s, func(key gatelodge.IssuanceKey) *nameState { return p.names[key] }, p.ledger, clock) {
		bundle, states = append(bundle, other.issuance), append(states, other)
	}
	p.ledger.Take(orderOf(bundle...), clock)
	s.turn.slots = 0
	for _, s := range states {
		planned := plannedOf(s.issuance, clock)
		planned.With, planned.Waits = s.headName(), p.waits(s, clock)
		p.list = append(p.list, planned)
		p.queue.end(s)
		delete(p.names, s.issuance.Key())
	}
}

// headName names the first name of the bundle that an attempt is for, "" for its own.
func (s *nameState) headName() gatelodge.Name {
	if s.head == nil || s.head.issuance == nil {
		return ""
	}
	return s.head.issuance.Name
}

// waits says what kept a name back until a time.
func (p *plan) waits(s *nameState, until time.Time) string {
	switch {
	case until.After(s.at):
		return string(p.limits[budget.RegisteredDomain(s.issuance.Name)])
	case s.limit != "":
		return string(s.limit)
	case s.at.After(p.now) && !s.issuance.RetryAt.IsZero():
		return waitsForRetry
	}
	return ""
}
