package caa

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"gatelodge.dev"
)

const (
	// maxKept is for how long an answer is kept at most: what an owner of a name
	// changes is soon seen.
	maxKept = 10 * time.Minute
	// failureKept is for how long a failure is kept, so that a resolver that does
	// not answer delays few orders.
	failureKept = time.Minute
	// maxAnswers limits the answers that are kept.
	maxAnswers = 10_000
)

// Finder finds the CAA records that hold for names. Its methods may be called
// concurrently.
type Finder struct {
	// Own answers a query from our own zones, nil where it is not about them. It is
	// asked first: what we serve ourselves needs no resolver, which might not even
	// reach us. Nil: there are none.
	Own func(query []byte) []byte

	mu   sync.Mutex
	kept map[gatelodge.Name]kept
}

// kept is the answer of a resolver.
type kept struct {
	records []Record
	err     error
	until   time.Time
}

// Find returns the CAA records that hold for a name: its own, or those of the
// nearest name above it that has some (RFC 8659 §3). resolvers are asked about
// names that are not ours, without any those of the system.
func (f *Finder) Find(ctx context.Context, resolvers []netip.AddrPort, name gatelodge.Name) ([]Record, error) {
	if name.IsWildcard() {
		name = name.Parent()
	}
	for at := name; at != ""; at = at.Parent() {
		records, err := f.at(ctx, resolvers, at)
		if err != nil {
			return nil, fmt.Errorf("the CAA records of %s: %w", at, err)
		}
		if len(records) > 0 {
			return records, nil
		}
	}
	return nil, nil
}

// at returns the records of a name, or of the one that it is an alias of.
func (f *Finder) at(ctx context.Context, resolvers []netip.AddrPort, name gatelodge.Name) ([]Record, error) {
	query, err := newQuery(name)
	if err != nil {
		return nil, err
	}
	if f.Own != nil {
		if response := f.Own(query); response != nil {
			a, err := readAnswer(name, response)
			if err != nil {
				return nil, err
			}
			if a.complete && a.authoritative {
				return a.records, nil
			}
			name = a.end // in a zone of others, by delegation or by an alias
		}
	}
	return f.resolve(ctx, resolvers, name)
}

// resolve returns the records of a name that is not ours.
func (f *Finder) resolve(ctx context.Context, resolvers []netip.AddrPort, name gatelodge.Name) ([]Record, error) {
	f.mu.Lock()
	k, known := f.kept[name]
	f.mu.Unlock()
	if known && time.Now().Before(k.until) {
		return k.records, k.err
	}
	query, err := newQuery(name)
	if err != nil {
		return nil, err
	}
	response, err := ask(ctx, resolvers, query)
	k = kept{err: err, until: time.Now().Add(failureKept)}
	if err == nil {
		var a *answer
		if a, k.err = readAnswer(name, response); k.err == nil && a.truncated {
			k.err = errors.New("the answer is truncated")
		}
		if k.err == nil {
			k.records, k.until = a.records, time.Now().Add(a.ttl)
		}
	}
	if ctx.Err() == nil {
		f.keep(name, k)
	}
	return k.records, k.err
}

func (f *Finder) keep(name gatelodge.Name, k kept) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.kept) >= maxAnswers {
		f.kept = nil // rare enough to need no order
	}
	if f.kept == nil {
		f.kept = make(map[gatelodge.Name]kept)
	}
	f.kept[name] = k
}
