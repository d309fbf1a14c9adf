// Package issuer orders the certificates that a Snapshot asks for from ACME CAs
// (RFC 8555), and renews them: which is ordered when, and what a CA is asked for.
//
// The leader alone orders. What it gets, and the responses to a CA's challenges, it
// writes to the Store, from where every replica serves them; so the next leader
// completes what this one has begun.
//
// It must not know which certificate a handshake gets (package tls), nor where names
// and their certificates come from (package kube).
package issuer

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"gatelodge.dev"
	"gatelodge.dev/tls/budget"
	"gatelodge.dev/tls/caa"
)

const (
	// orderTime limits one attempt to get a certificate.
	orderTime = 10 * time.Minute
	// settleTime is how long a certificate has to be missing before it is
	// ordered: an Ingress and its Secret may be applied in any order.
	settleTime = 2 * time.Second
)

// Config configures an Issuer.
type Config struct {
	Store gatelodge.Store
	Log   *slog.Logger
	// UserAgent is sent to CAs (RFC 8555 §6.1).
	UserAgent string
	// Served waits until served returns true for the version of the challenges
	// that each replica serves, or until ctx ends. Nil: there is one process only.
	Served func(ctx context.Context, served func(version string) bool) error
	// Awaited returns the hosts without a certificate for which clients have asked
	// since it was called last: theirs are ordered first. Nil: they are not known.
	Awaited func() []gatelodge.Name
	// OwnDNS answers a DNS query from our zones, nil where the name is in none of
	// them. Nil: there are none.
	OwnDNS func(query []byte) []byte
}

// Issuer orders the certificates in the live Snapshot's Issuing from an ACME CA
// (RFC 8555) and renews them. It writes certificates and challenge responses to
// the Store, from where every replica serves them.
type Issuer struct {
	config Config
	table  *gatelodge.Table[table]
	lookup lookup
	// transport returns how a CA is reached whose roots are given, in PEM.
	transport func(roots string) http.RoundTripper
	caa       *caa.Finder

	mu      sync.Mutex
	changed chan struct{} // closed when the table is replaced
	term    *term         // nil: another replica leads
}

// table is the part of a Snapshot that the Issuer needs.
type table struct {
	issuing *gatelodge.Issuing
	version string // of the challenges
	views   []*gatelodge.View
}

// New returns an Issuer for the snapshots of live; call it before live's
// first Swap.
func New(live *gatelodge.Live, config Config) *Issuer {
	i := &Issuer{config: config, lookup: systemLookup(), caa: &caa.Finder{Own: config.OwnDNS}, transport: networkTransport, changed: make(chan struct{})}
	i.table = gatelodge.NewTable(live, func(next *gatelodge.Snapshot, _ table) table {
		return table{next.Issuing, next.ChallengesVersion, next.Views}
	}, func(table) {
		i.mu.Lock()
		defer i.mu.Unlock()
		close(i.changed)
		i.changed = make(chan struct{})
	})
	return i
}

// news returns a channel that is closed when a table loaded after the call is
// replaced.
func (i *Issuer) news() <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.changed
}

// Run issues and renews until ctx ends. Only one replica may run it at a time:
// the leader. The next leader finishes its open orders.
func (i *Issuer) Run(ctx context.Context) {
	t := newTerm(i)
	i.setTerm(t)
	defer i.setTerm(nil)
	defer t.working.Wait()
	t.working.Go(func() { t.followRenewalInfo(ctx) })
	t.working.Go(func() { t.registerEarly(ctx) })
	timer := time.NewTimer(0)
	defer timer.Stop()
	var seen *gatelodge.Issuing
	check := true
	for {
		news := i.news()
		if issuing := i.table.Load().issuing; check || issuing != seen {
			seen = issuing
			again, idle := t.startDue(ctx)
			if idle && time.Since(t.began) > orderTime {
				t.withdrawLeftovers(ctx)
			}
			timer.Reset(time.Until(again))
		}
		check = true
		select {
		case <-news:
			check = false // unless issuing changed
		case <-t.finished:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// term is the Issuer's state during one term of leadership; all else is in the
// Store.
type term struct {
	*Issuer
	began      time.Time
	challenges *challengeStore
	finished   gatelodge.Signal // signalled at the end of each attempt
	working    sync.WaitGroup

	mu            sync.Mutex
	issuances     gatelodge.Map[gatelodge.IssuanceKey, *gatelodge.Issuance] // that queue follows
	names         map[gatelodge.IssuanceKey]*nameState                      // of issuances, and those that are busy
	queue         *queue
	heads         map[gatelodge.IssuanceKey]gatelodge.IssuanceKey           // whose order in progress is for another, too
	awaited       map[gatelodge.Name]bool                                   // for which clients asked in vain
	authorities   []*authority                                              // the CAs in their order; empty: not known yet
	problemStored bool                                                      // the Store may hold a problem with a CA
	keptOf        gatelodge.Map[gatelodge.IssuanceKey, *gatelodge.Issuance] // of which what is adopted has been stored; used by Run only
}

// nameState is what a term knows about one certificate.
type nameState struct {
	issuance  *gatelodge.Issuance // nil: nothing is to be done any more
	since     time.Time           // when it was first seen to be missing
	asked     time.Time           // when it was first seen to be asked for, since it was not
	next      time.Time           // no attempt before this time
	unproven  time.Time           // dns-persist-01 is not tried before this time
	faults    int                 // consecutive failures of the CA
	early     int                 // consecutive renewals of certificates that were nearly new
	forbidden bool                // CAA records forbid its order
	open      bool                // the order can be resumed, and the CA may still validate its challenge
	awaited   bool                // clients asked for its host, or one of its hosts, in vain

	at     time.Time    // when the next attempt is due
	limit  budget.Limit // which makes it so late; "": none
	in     *stateHeap   // nil: it is not queued
	index  int          // in in
	domain string       // under which it was due last

	turn  *turn      // that its attempt in progress takes; nil: there is none
	head  *nameState // whose attempt it is, if that is for several; nil: its own
	began time.Time  // that attempt

	info infoState
}

func newTerm(i *Issuer) *term {
	t := &term{
		Issuer: i, began: time.Now(), challenges: newChallengeStore(i.config.Store), finished: gatelodge.NewSignal(),
		names: make(map[gatelodge.IssuanceKey]*nameState), queue: newQueue(), heads: make(map[gatelodge.IssuanceKey]gatelodge.IssuanceKey), awaited: make(map[gatelodge.Name]bool),
		problemStored: true, // the previous leader may have stored one
	}
	t.queue.allowed = t.allowed
	return t
}

func (i *Issuer) setTerm(t *term) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.term = t
}

// startDue starts the attempts that are due, as many as have a slot, by turns. It
// returns when to call it again at the latest, and whether there are none in
// progress.
func (t *term) startDue(ctx context.Context) (again time.Time, idle bool) {
	issuing, now := t.table.Load().issuing, time.Now()
	again = now.Add(time.Hour)
	if issuing == nil {
		return again, false
	}
	withCA := issuing.Lacking == ""
	again = t.keepAdopted(ctx, issuing.Issuances, again)
	if err := t.useAccounts(ctx, issuing); err != nil {
		t.config.Log.Warn("can't order certificates without the store", "error", err)
		withCA, again = false, earliest(again, now.Add(authorityWait))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.follow(issuing.Issuances, now)
	t.followAwaited()
	again = t.queue.fallDue(now, again)
	taken, again := t.queue.countSlots(now, again)
	for ; taken < maxOrders; taken++ {
		var s *nameState
		if s, again = t.queue.next(withCA, now, again); s == nil {
			break
		}
		t.queue.begin(s, now)
		t.parkOther(s)
		issuance, at := s.issuance, attempt{}
		bundle := []*gatelodge.Issuance{issuance}
		if len(issuance.Askers) > 0 {
			at.authority, _ = t.authorityAt(issuance, now)
			at.authority.allowance.view(func(l *budget.Ledger) {
				for _, other := range t.queue.bundle(s, t.stateOf, l, now) {
					t.parkOther(other)
					bundle = append(bundle, other.issuance)
				}
			})
			at.reservation = at.authority.allowance.reserve(orderOf(bundle...), now, !issuance.Ordered)
		}
		if len(bundle) > 1 {
			t.working.Go(func() { t.processBundle(ctx, issuing, bundle, at) })
		} else {
			t.working.Go(func() { t.process(ctx, issuing, issuance, at) })
		}
	}
	return again, len(t.queue.busy) == 0
}

// orderOf returns the order for a bundle, as it is counted. CAs take it for a renewal if
// the names are the same, or if they name a window and so accept what is replaced
// (RFC 9773 §5).
func orderOf(bundle ...*gatelodge.Issuance) (o budget.Order) {
	for _, i := range bundle {
		o.Names = append(o.Names, i.Name)
	}
	first := bundle[0]
	o.Renewal = renews(first) && (first.Window != nil && !first.Late || len(first.Certificate.Names) <= len(bundle))
	return o
}

// renews reports whether an order for a name renews its certificate. One of another
// issuer's Secret may cover the name by a wildcard: a CA takes the order for a new one.
func renews(i *gatelodge.Issuance) bool {
	return i.Certificate != nil && slices.Contains(i.Certificate.Names, i.Name)
}

// stateOf returns what is known of a certificate, nil for nothing. The caller holds the
// lock.
func (t *term) stateOf(key gatelodge.IssuanceKey) *nameState { return t.names[key] }

// parkOther takes the other certificate for the name of one that has begun out of the
// queue, until that has ended.
func (t *term) parkOther(s *nameState) {
	if other := t.names[s.issuance.Key().Other()]; other != nil {
		t.queue.remove(other)
	}
}

// followAwaited takes in for which hosts clients have asked in vain. The caller holds
// the lock.
func (t *term) followAwaited() {
	if t.config.Awaited == nil {
		return
	}
	for _, host := range t.config.Awaited() {
		t.awaited[host], t.awaited[host.Wildcard()] = true, true
		for _, name := range []gatelodge.Name{host, host.Wildcard()} {
			for _, key := range gatelodge.KeysOf(name) {
				if s := t.names[key]; s != nil {
					t.queue.await(s)
				}
			}
		}
	}
}

// follow takes in what changed of what there is to do. The caller holds the lock.
func (t *term) follow(issuances gatelodge.Map[gatelodge.IssuanceKey, *gatelodge.Issuance], now time.Time) {
	for key, change := range issuances.Changes(t.issuances) {
		s := t.names[key]
		if s == nil {
			s = &nameState{awaited: t.awaited[key.Name]}
			t.names[key] = s
		}
		t.queue.remove(s)
		s.issuance = change.After
		if change.Before == nil || len(change.Before.Askers) == 0 {
			s.asked = now
		}
		if change.Before != nil && change.After != nil && change.Before.Profile != change.After.Profile {
			s.next = time.Time{} // it may have waited only for the profile to be corrected
		}
		switch issuance := change.After; {
		case issuance == nil || issuance.Certificate != nil || len(issuance.Askers) == 0:
			s.since = time.Time{}
		case s.since.IsZero():
			s.since = now
		}
		t.schedule(key)
		t.followBundle(key, change)
	}
	t.issuances = issuances
}

// schedule queues a certificate for its next attempt, or forgets it. The two for one
// name are not ordered at once, because an answer to a tls-alpn-01 challenge leaves no
// room for another (RFC 8737 §3); and what the CA has validated for one it may take
// for the other. The caller holds the lock.
func (t *term) schedule(key gatelodge.IssuanceKey) {
	s, other := t.names[key], t.names[key.Other()]
	switch {
	case s == nil || s.turn != nil || s.info.held || other != nil && other.turn != nil: // once that has ended
	case s.issuance == nil:
		delete(t.names, key)
	case t.heads[key] != gatelodge.IssuanceKey{}: // once the order of that has
	default:
		at, ever := dueTime(s.issuance, s.since)
		if s.at = latest(at, s.next); ever {
			t.awaitAuthority(s)
			t.queue.put(s)
		}
	}
}

// awaitAuthority has a name wait until there is a CA that can be asked, and until the
// limits that count for the name alone allow an order. The caller holds the lock.
func (t *term) awaitAuthority(s *nameState) {
	s.limit = ""
	if len(t.authorities) == 0 || len(s.issuance.Askers) == 0 {
		return
	}
	a, at := t.authorityAt(s.issuance, latest(s.at, time.Now()))
	s.at = latest(s.at, at)
	if s.issuance.Ordered {
		return
	}
	a.allowance.view(func(l *budget.Ledger) {
		if at, limit := l.Own(s.issuance.Name, s.at); at.After(s.at) {
			s.at, s.limit = at, limit
		}
	})
}

// attempt is from which CA a certificate is to be had, and what is set aside for it
// of the CA's limits.
type attempt struct {
	*authority
	*reservation
}

// process makes an attempt for one certificate, and then wakes Run.
func (t *term) process(ctx context.Context, issuing *gatelodge.Issuing, issuance *gatelodge.Issuance, at attempt) {
	limited, cancel := context.WithTimeout(ctx, orderTime)
	var err error
	if len(issuance.Askers) == 0 {
		err = t.drop(limited, issuance)
	} else {
		err = t.obtain(limited, issuing, issuance, &at)
		at.release()
	}
	cancel()
	wait := time.Second // for the Snapshot to include what was stored
	var waits overBudget
	if errors.As(err, &waits) {
		wait = max(wait, time.Until(waits.until))
	} else if err != nil && ctx.Err() == nil {
		wait = max(wait, t.failed(ctx, at.authority, issuance, err))
	}
	t.mu.Lock()
	key := issuance.Key()
	s := t.names[key]
	var over orderOver
	if err == nil {
		wait = max(wait, s.renewed(issuance.Certificate, time.Now()))
	}
	s.next = time.Now().Add(wait)
	if !isAuthorityError(err) {
		s.faults = 0
	}
	var forbids caaForbids
	s.forbidden = errors.As(err, &forbids)
	if err == nil {
		s.turn.widen()
	}
	s.open = err != nil && !errors.As(err, &over) && !errors.As(err, &waits)
	t.queue.end(s)
	t.schedule(key)
	t.schedule(key.Other())
	t.mu.Unlock()
	t.finished.Raise()
}

// withdrawLeftovers withdraws the challenge responses that no open order needs.
// It runs while no attempt is in progress.
func (t *term) withdrawLeftovers(ctx context.Context) {
	err := t.challenges.retain(ctx, func(c gatelodge.Challenge) bool { return t.isOpen(c.Name) || t.isOpen("*."+c.Name) })
	if err != nil && ctx.Err() == nil {
		t.config.Log.Warn("can't withdraw old challenge responses yet", "error", err)
	}
}

// isOpen reports whether there is an open order for a name.
func (t *term) isOpen(name gatelodge.Name) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range gatelodge.KeysOf(name) {
		if s := t.names[key]; s != nil && s.open {
			return true
		}
	}
	return false
}
