package tls

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"gatelodge.dev"
)

const (
	// maxOrders bounds the orders under way at a time.
	maxOrders = 8
	// orderTime is for how long one attempt may take.
	orderTime = 10 * time.Minute
	// settleTime is for how long a certificate has to be missing until it is
	// ordered: an Ingress and its Secret may be applied in any order.
	settleTime = 2 * time.Second
)

// IssuerConfig is what an Issuer works with.
type IssuerConfig struct {
	Store gatelodge.Store
	Log   *slog.Logger
	// UserAgent tells CAs whose client this is (RFC 8555 §6.1).
	UserAgent string
	// Served waits until served holds for the version of the challenges that
	// each replica serves, or until ctx ends. Nil: this process is the only one.
	Served func(ctx context.Context, served func(version string) bool) error
}

// Issuer gets certificates from an ACME CA (RFC 8555) and renews them, for what
// the live Snapshot says in Issuing. It writes what it got, and what CAs are to
// be answered, to the Store, from where every replica serves it.
type Issuer struct {
	config IssuerConfig
	table  *gatelodge.Table[issuerTable]
	lookup lookup

	mu      sync.Mutex
	changed chan struct{} // closed when there is another table
}

// issuerTable is the Snapshot as the Issuer asks it.
type issuerTable struct {
	issuing *gatelodge.Issuing
	version string // of the challenges
}

// NewIssuer returns an Issuer for what is live; it must be called before live's
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

// news returns a channel that is closed when there is another table than the
// one that is loaded after the call.
func (i *Issuer) news() <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.changed
}

// Run issues and renews until ctx ends. Only one replica may run it at a time:
// the leader. What it leaves unfinished the next one finishes.
func (i *Issuer) Run(ctx context.Context) {
	t := newTerm(i)
	defer t.working.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var seen *gatelodge.Issuing
	look := true
	for {
		news := i.news()
		if issuing := i.table.Load().issuing; look || issuing != seen {
			seen = issuing
			again, idle := t.start(ctx)
			if idle && time.Since(t.began) > orderTime {
				t.tidy(ctx)
			}
			timer.Reset(time.Until(again))
		}
		look = true
		select {
		case <-news:
			look = false // unless it is about certificates
		case <-t.finished:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// term is one time of leadership: what the Issuer knows beside the Store.
type term struct {
	*Issuer
	began    time.Time
	board    *board
	finished chan struct{} // an attempt is over
	working  sync.WaitGroup

	registering sync.Mutex // held while an account is looked for or made

	mu      sync.Mutex
	names   map[gatelodge.Name]*nameState
	account gatelodge.Account
	pause   time.Time // until which the CA is left alone
	failing int       // attempts that failed since the CA was last well
	told    bool      // the Store says that the CA is not well
	client  *client   // of account; nil: there is none yet
}

// nameState is what a term knows of one name.
type nameState struct {
	since  time.Time // when the name was first seen without a certificate
	next   time.Time // not to be looked at before
	faults int       // of the CA in a row
	busy   bool
	open   bool // an order may go on where it stands, and the CA may still look
}

func newTerm(i *Issuer) *term {
	return &term{
		Issuer: i, began: time.Now(), board: newBoard(i.config.Store), finished: make(chan struct{}, 1),
		names: make(map[gatelodge.Name]*nameState),
		told:  true, // maybe, by the leader before
	}
}

// start begins what is due, as far as there is room, and returns when to look
// again unless there is news before, and whether nothing is under way.
func (t *term) start(ctx context.Context) (again time.Time, idle bool) {
	issuing, now := t.table.Load().issuing, time.Now()
	again = now.Add(time.Hour)
	if issuing == nil {
		return again, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.heed(issuing)
	type dueAt struct {
		*gatelodge.Issuance
		at time.Time
	}
	var due []dueAt
	busy, known := 0, make(map[gatelodge.Name]bool, len(issuing.Issuances))
	for _, issuance := range issuing.Issuances {
		known[issuance.Name] = true
		state := t.stateOf(issuance, now)
		if state.busy {
			busy++
			continue
		}
		at, ever := dueTime(issuance, state.since)
		if !ever || issuing.Lacking != "" && len(issuance.Askers) > 0 {
			continue
		}
		at = latest(at, state.next)
		if len(issuance.Askers) > 0 {
			at = latest(at, t.pause)
		}
		if at.After(now) {
			again = earliest(again, at)
		} else {
			due = append(due, dueAt{issuance, at})
		}
	}
	for name, state := range t.names {
		if !known[name] && !state.busy {
			delete(t.names, name)
		}
	}
	slices.SortStableFunc(due, func(a, b dueAt) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	for _, d := range due[:min(len(due), max(0, maxOrders-busy))] {
		t.names[d.Name].busy = true
		t.working.Go(func() { t.attend(ctx, issuing, d.Issuance) })
	}
	return again, busy == 0 && len(due) == 0
}

// heed notices another account: what was wrong with the one before no longer
// counts. The caller holds the lock.
func (t *term) heed(issuing *gatelodge.Issuing) {
	if t.account != issuing.Account {
		t.account, t.client, t.pause, t.failing = issuing.Account, nil, time.Time{}, 0
	}
}

// stateOf returns what is known of a name; the caller holds the lock.
func (t *term) stateOf(issuance *gatelodge.Issuance, now time.Time) *nameState {
	state := t.names[issuance.Name]
	if state == nil {
		state = &nameState{}
		t.names[issuance.Name] = state
	}
	switch {
	case issuance.Certificate != nil || len(issuance.Askers) == 0:
		state.since = time.Time{}
	case state.since.IsZero():
		state.since = now
	}
	return state
}

// attend sees to one name, and then has the loop look again.
func (t *term) attend(ctx context.Context, issuing *gatelodge.Issuing, issuance *gatelodge.Issuance) {
	limited, cancel := context.WithTimeout(ctx, orderTime)
	var err error
	if len(issuance.Askers) == 0 {
		err = t.drop(limited, issuance)
	} else {
		err = t.obtain(limited, issuing, issuance)
	}
	cancel()
	rest := time.Second // until the Snapshot has what was stored
	if err != nil && ctx.Err() == nil {
		rest = max(rest, t.failed(ctx, issuing, issuance, err))
	}
	t.mu.Lock()
	state := t.names[issuance.Name]
	var over orderOver
	state.busy, state.next = false, time.Now().Add(rest)
	if !isAuthoritys(err) {
		state.faults = 0
	}
	state.open = err != nil && !errors.As(err, &over)
	t.mu.Unlock()
	select {
	case t.finished <- struct{}{}:
	default: // the loop is to look anyway
	}
}

// tidy takes away what is left of challenges that nobody waits for any more.
// Nothing is begun meanwhile.
func (t *term) tidy(ctx context.Context) {
	open := make(map[gatelodge.Name]bool)
	t.mu.Lock()
	for name, state := range t.names {
		if name.IsWildcard() {
			name = name.Parent()
		}
		open[name] = open[name] || state.open
	}
	t.mu.Unlock()
	err := t.board.retain(ctx, func(c gatelodge.Challenge) bool { return open[c.Name] })
	if err != nil && ctx.Err() == nil {
		t.config.Log.Warn("answers to challenges that are over stay for now", "error", err)
	}
}
