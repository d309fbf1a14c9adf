package tls

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"gatelodge.dev"
)

// board is where the answers to challenges hang for all replicas to serve: one
// item of the Store. Only the leader writes it, so it knows which version came
// after which.
type board struct {
	store gatelodge.Store

	mu     sync.Mutex
	loaded bool
	item   gatelodge.Item
	list   []gatelodge.Challenge
	orders map[string]int // versions in the order in which they were written
	last   int
}

func newBoard(store gatelodge.Store) *board {
	return &board{store: store, orders: make(map[string]int)}
}

// maxVersions bounds the versions that are remembered. A replica that serves an
// older one will serve a newer one soon.
const maxVersions = 1000

// put hangs up an answer. served tells of a version whether the answer is in
// it.
func (b *board) put(ctx context.Context, c gatelodge.Challenge) (served func(version string) bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.load(ctx); err != nil {
		return nil, err
	}
	same := func(d gatelodge.Challenge) bool {
		return d.Type == c.Type && d.Name == c.Name && d.Token == c.Token && d.Response == c.Response
	}
	if !slices.ContainsFunc(b.list, same) {
		if err := b.write(ctx, append(slices.Clone(b.list), c)); err != nil {
			return nil, err
		}
	}
	order := b.last
	return func(version string) bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		written, ok := b.orders[version]
		return ok && written >= order
	}, nil
}

// remove takes down an answer.
func (b *board) remove(ctx context.Context, c gatelodge.Challenge) error {
	return b.retain(ctx, func(d gatelodge.Challenge) bool {
		return d.Type != c.Type || d.Name != c.Name || d.Token != c.Token
	})
}

// retain takes down all answers but those that stay.
func (b *board) retain(ctx context.Context, stays func(gatelodge.Challenge) bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.load(ctx); err != nil {
		return err
	}
	list := slices.DeleteFunc(slices.Clone(b.list), func(c gatelodge.Challenge) bool { return !stays(c) })
	if len(list) == len(b.list) {
		return nil
	}
	return b.write(ctx, list)
}

// load reads what the leader before left; the caller holds the lock.
func (b *board) load(ctx context.Context) error {
	if b.loaded {
		return nil
	}
	item, err := b.store.Get(ctx, gatelodge.ChallengesItem)
	if err != nil && !errors.Is(err, gatelodge.ErrNotFound) {
		return storeError{err}
	}
	// What can't be read is nobody's answer, and is written over.
	b.list, _ = gatelodge.DecodeChallenges(item.Data)
	b.item, b.loaded = item, true
	b.last++
	b.orders[item.Version] = b.last
	return nil
}

// write replaces the item; the caller holds the lock.
func (b *board) write(ctx context.Context, list []gatelodge.Challenge) error {
	slices.SortFunc(list, func(c, d gatelodge.Challenge) int {
		return strings.Compare(string(c.Name)+c.Token, string(d.Name)+d.Token)
	})
	parts, err := gatelodge.EncodeChallenges(list)
	if err != nil {
		return err
	}
	next := gatelodge.Item{Data: parts, Version: b.item.Version}
	if next.Version, err = b.store.Put(ctx, gatelodge.ChallengesItem, next); err != nil {
		b.loaded = false // whoever wrote it meanwhile, it is read anew
		return storeError{err}
	}
	b.item, b.list = next, list
	b.last++
	b.orders[next.Version] = b.last
	if len(b.orders) > maxVersions {
		for version, order := range b.orders {
			if order <= b.last-maxVersions/2 {
				delete(b.orders, version)
			}
		}
	}
	return nil
}
