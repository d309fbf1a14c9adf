package tls

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"gatelodge.dev"
)

const (
	// orderTime limits one attempt to get a certificate.
	orderTime = 10 * time.Minute
	// settleTime is how long a certificate has to be missing before it is
	// ordered: an Ingress and its Secret may be applied in any order.
	settleTime = 2 * time.Second
)

// IssuerConfig configures an Issuer.
type IssuerConfig struct {
	Store gatelodge.Store
	Log   *slog.Logger
	// UserAgent is sent to CAs (RFC 8555 §6.1).
	UserAgent string
	// Served waits until served returns true for the version of the challenges
	// that each replica serves, or until ctx ends. Nil: there is one process only.
	Served func(ctx context.Context, served func(version string) bool) error
}

// Issuer orders the certificates in the live Snapshot's Issuing from an ACME CA
// (RFC 8555) and renews them. It writes certificates and challenge responses to
// the Store, from where every replica serves them.
type Issuer struct {
	config IssuerConfig
	table  *gatelodge.Table[issuerTable]
	lookup lookup

	mu      sync.Mutex
	changed chan struct{} // closed when the table is replaced
}

// issuerTable is the part of a Snapshot that the Issuer needs.
type issuerTable struct {
	issuing *gatelodge.Issuing
	version string // of the challenges
}

// NewIssuer returns an Issuer for the snapshots of live; call it before live's
// first Swap.
func NewIssuer(live *gatelodge.Live, config IssuerConfig) *Issuer {
	i := &Issuer{config: config, lookup: systemLookup(), changed: make(chan struct{})}
	i.table = gatelodge.NewTable(live, func(next *gatelodge.Snapshot, _ issuerTable) issuerTable {
		return issuerTable{next.Issuing, next.ChallengesVersion}
	}, func(issuerTable) {
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
	defer t.working.Wait()
	t.working.Go(func() { t.followRenewalInfo(ctx) })
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

	registering sync.Mutex // held while the client is made

	mu            sync.Mutex
	issuances     gatelodge.Map[gatelodge.Name, *gatelodge.Issuance] // that queue follows
	names         map[gatelodge.Name]*nameState                      // of issuances, and those that are busy
	queue         *queue
	account       gatelodge.Account
	pause         time.Time // no request to the CA before this time
	failing       int       // consecutive failures of the CA
	problemStored bool      // the Store may hold a problem with the CA
	client        *client   // for account; nil: not made yet
}

// nameState is what a term knows about one name.
type nameState struct {
	issuance *gatelodge.Issuance // nil: nothing is to be done any more
	since    time.Time           // when the name was first seen without a certificate
	next     time.Time           // no attempt before this time
	faults   int                 // consecutive failures of the CA
	open     bool                // the order can be resumed, and the CA may still validate its challenge

	at    time.Time  // when the next attempt is due
	in    *stateHeap // nil: it is not queued
	index int        // in in

	turn  *turn     // that its attempt in progress takes; nil: there is none
	began time.Time // that attempt

	info infoState
}

func newTerm(i *Issuer) *term {
	return &term{
		Issuer: i, began: time.Now(), challenges: newChallengeStore(i.config.Store), finished: gatelodge.NewSignal(),
		names: make(map[gatelodge.Name]*nameState), queue: newQueue(),
		problemStored: true, // the previous leader may have stored one
	}
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
	t.mu.Lock()
	defer t.mu.Unlock()
	t.useAccount(issuing)
	t.follow(issuing.Issuances, now)
	again = t.queue.fallDue(now, again)
	taken, again := t.queue.countSlots(now, again)
	withCA := issuing.Lacking == ""
	if t.pause.After(now) {
		withCA, again = false, earliest(again, t.pause)
	}
	for ; taken < maxOrders; taken++ {
		turn := t.queue.next(withCA)
		if turn == nil {
			break
		}
		issuance := t.queue.begin(turn, now).issuance
		t.working.Go(func() { t.process(ctx, issuing, issuance) })
	}
	return again, len(t.queue.busy) == 0
}

// follow takes in what changed of what there is to do. The caller holds the lock.
func (t *term) follow(issuances gatelodge.Map[gatelodge.Name, *gatelodge.Issuance], now time.Time) {
	for name, change := range issuances.Changes(t.issuances) {
		state := t.names[name]
		if state == nil {
			state = &nameState{}
			t.names[name] = state
		}
		t.queue.remove(state)
		state.issuance = change.After
		switch issuance := change.After; {
		case issuance == nil || issuance.Certificate != nil || len(issuance.Askers) == 0:
			state.since = time.Time{}
		case state.since.IsZero():
			state.since = now
		}
		t.schedule(name, state)
	}
	t.issuances = issuances
}

// schedule queues a name for its next attempt, or forgets it. The caller holds the
// lock.
func (t *term) schedule(name gatelodge.Name, state *nameState) {
	switch {
	case state.turn != nil || state.info.held: // once that has ended
	case state.issuance == nil:
		delete(t.names, name)
	default:
		at, ever := dueTime(state.issuance, state.since)
		if state.at = latest(at, state.next); ever {
			t.queue.put(state)
		}
	}
}

// useAccount forgets the failures of the previous account if the account has
// changed. The caller holds the lock.
func (t *term) useAccount(issuing *gatelodge.Issuing) {
	if t.account != issuing.Account {
		t.account, t.client, t.pause, t.failing = issuing.Account, nil, time.Time{}, 0
	}
}

// process makes an attempt for one name, and then wakes Run.
func (t *term) process(ctx context.Context, issuing *gatelodge.Issuing, issuance *gatelodge.Issuance) {
	limited, cancel := context.WithTimeout(ctx, orderTime)
	var err error
	if len(issuance.Askers) == 0 {
		err = t.drop(limited, issuance)
	} else {
		err = t.obtain(limited, issuing, issuance)
	}
	cancel()
	wait := time.Second // for the Snapshot to include what was stored
	if err != nil && ctx.Err() == nil {
		wait = max(wait, t.failed(ctx, issuing, issuance, err))
	}
	t.mu.Lock()
	state := t.names[issuance.Name]
	var over orderOver
	state.next = time.Now().Add(wait)
	if !isAuthorityError(err) {
		state.faults = 0
	}
	state.open = err != nil && !errors.As(err, &over)
	t.queue.end(state)
	t.schedule(issuance.Name, state)
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
	state := t.names[name]
	return state != nil && state.open
}
