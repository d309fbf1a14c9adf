package state

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

const (
	lookupEvery = 30 * time.Second
	lookupTime  = 5 * time.Second // for one lookup
	// lookupWait limits how long a start waits for the first answers, so that hosts
	// with an external backend don't start with 503.
	lookupWait = 2 * time.Second
	maxLookups = 64 // at a time
)

// ExternalNames is a Source that adds to another one's Objects the addresses of
// ExternalName Services that an Ingress names. Each name is looked up every 30 s,
// whatever the TTL of its records; a slow lookup does not delay others. After a failed
// lookup the previous addresses stay.
type ExternalNames struct {
	source objects.Source
	config func() *objects.Config
	lookup func(ctx context.Context, name string) ([]netip.Addr, error)
	log    *slog.Logger
	wake   gatelodge.Signal // wanted changed, or the source is complete

	mu      sync.Mutex
	wanted  *wantedNames
	current objects.Externals
}

// NewExternalNames returns source with the addresses of external names from the
// machine's resolver.
func NewExternalNames(source objects.Source, config func() *objects.Config, log *slog.Logger) *ExternalNames {
	return &ExternalNames{
		source: source, config: config, log: log, wake: gatelodge.NewSignal(), wanted: &wantedNames{},
		lookup: func(ctx context.Context, name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
		},
	}
}

// Objects returns the objects of the source, with the addresses known so far.
func (e *ExternalNames) Objects() objects.Objects {
	objs, cfg := e.source.Objects(), e.config()
	e.mu.Lock()
	defer e.mu.Unlock()
	before := e.wanted
	if e.wanted = before.after(&objs, cfg); e.wanted != before {
		e.wake.Raise()
	}
	objs.Externals = e.current
	if len(e.wanted.problems) > 0 { // otherwise the slice stays the same, by which Build knows it
		objs.Problems = slices.Concat(objs.Problems, e.wanted.problems)
	}
	return objs
}

// Run runs the source, and looks names up, until ctx ends.
func (e *ExternalNames) Run(ctx context.Context, dirty func()) error {
	ctx, stop := context.WithCancel(ctx)
	r := &resolving{ExternalNames: e, names: make(map[gatelodge.Name]*lookup), answers: make(chan answer, maxLookups)}
	defer r.working.Wait()
	defer stop()
	var started atomic.Bool // dirty was called
	ended := make(chan error, 1)
	go func() {
		ended <- e.source.Run(ctx, func() {
			if started.Load() {
				dirty()
			} else {
				e.wake.Raise()
			}
		})
	}()
	timer := time.NewTimer(lookupEvery)
	defer timer.Stop()
	var begun time.Time // when the source was complete
	for {
		news := false
		select {
		case <-e.wake:
			if begun.IsZero() {
				begun = time.Now()
				e.Objects() // determines the wanted names for the first time
			}
		case a := <-r.answers:
			news = r.take(a)
		case <-timer.C:
		case err := <-ended:
			return err
		}
		next := r.begin(ctx)
		if first := begun.Add(lookupWait); !started.Load() && !begun.IsZero() {
			if news = r.answered() || !time.Now().Before(first); news {
				started.Store(true)
			} else {
				next = min(next, time.Until(first))
			}
		}
		if news && started.Load() {
			dirty()
		}
		timer.Reset(next)
	}
}

// resolving is the lookups of a Run.
type resolving struct {
	*ExternalNames
	names   map[gatelodge.Name]*lookup
	busy    int         // lookups in progress
	answers chan answer // has room for all lookups in progress
	working sync.WaitGroup
}

// lookup is the state of the lookups of a name.
type lookup struct {
	due     time.Time // of the next one
	asking  bool
	failing bool
}

type answer struct {
	name      gatelodge.Name
	of        *lookup
	addresses []netip.Addr
	err       error
}

// begin starts the lookups that are due, and drops names that are not wanted any more.
// It returns when to call it again.
func (r *resolving) begin(ctx context.Context) (next time.Duration) {
	r.mu.Lock()
	wanted := r.wanted.names
	for name := range r.names {
		if !wanted[name] {
			delete(r.names, name)
			r.current = r.current.Without(name)
		}
	}
	r.mu.Unlock()
	next = lookupEvery
	for name := range wanted {
		l := r.names[name]
		if l == nil {
			l = &lookup{}
			r.names[name] = l
		}
		switch wait := time.Until(l.due); {
		case l.asking || r.busy == maxLookups: // an answer wakes the loop
		case wait > 0:
			next = min(next, wait)
		default:
			l.due, l.asking = time.Now().Add(lookupEvery), true
			r.busy++
			r.working.Go(func() {
				addresses, err := r.ask(ctx, name)
				r.answers <- answer{name, l, addresses, err}
			})
		}
	}
	return next
}

// take processes an answer, and reports whether it changes something. A failure is
// logged when it begins and when it is over.
func (r *resolving) take(a answer) (news bool) {
	r.busy--
	a.of.asking = false
	if r.names[a.name] != a.of {
		return false // it is not wanted any more
	}
	switch {
	case a.err != nil && !a.of.failing:
		r.log.Warn("an external name does not resolve; its last addresses stay", "name", string(a.name), "error", a.err)
	case a.err == nil && a.of.failing:
		r.log.Info("an external name resolves again", "name", string(a.name))
	}
	a.of.failing = a.err != nil
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.current.Get(a.name)
	if before != nil && (a.err != nil || slices.Equal(before.Addresses, a.addresses)) {
		return false
	}
	r.current = r.current.With(a.name, &objects.External{Addresses: a.addresses})
	return true
}

// answered reports whether every wanted name has an answer.
func (r *resolving) answered() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.wanted.names {
		if r.current.Get(name) == nil {
			return false
		}
	}
	return true
}

// ask looks a name up. It ends in a dot for the resolver, because it is not a name
// of one of the machine's own search domains; localhost is in no DNS (RFC 6761
// §6.3), and the machine's file of hosts has it without a dot.
func (e *ExternalNames) ask(ctx context.Context, name gatelodge.Name) ([]netip.Addr, error) {
	if address, err := netip.ParseAddr(string(name)); err == nil {
		return []netip.Addr{address}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	absolute := string(name) + "."
	if name == "localhost" {
		absolute = string(name)
	}
	found, err := e.lookup(ctx, absolute)
	if err != nil {
		return nil, err
	}
	for i, address := range found {
		found[i] = address.Unmap().WithZone("")
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s has no address", name)
	}
	return objects.SortedAddresses(found), nil
}
