package issuer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"gatelodge.dev"
)

// challengeStore holds the challenge responses for all replicas to serve, in one
// item of the Store. Only the leader writes it, so it knows the order of its
// versions.
type challengeStore struct {
	store gatelodge.Store

	mu     sync.Mutex
	loaded bool
	item   gatelodge.Item
	list   []gatelodge.Challenge
	orders map[string]int // how many versions were known when each was written
	last   int
}

func newChallengeStore(store gatelodge.Store) *challengeStore {
	return &challengeStore{store: store, orders: make(map[string]int)}
}

// maxVersions limits the versions that are remembered. A replica that serves an
// older one will soon serve a newer one.
const maxVersions = 1000

// publish stores challenge responses. served reports whether a version of the item
// contains them.
func (s *challengeStore) publish(ctx context.Context, responses ...gatelodge.Challenge) (served func(version string) bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	list := slices.Clone(s.list)
	for _, c := range responses {
		if c.Type == gatelodge.DNSPersist01 {
			continue
		}
		same := func(d gatelodge.Challenge) bool {
			return d.Type == c.Type && d.Name == c.Name && d.Token == c.Token && d.Response == c.Response
		}
		if !slices.ContainsFunc(list, same) {
			list = append(list, c)
		}
	}
	if len(list) > len(s.list) {
		if err := s.write(ctx, list); err != nil {
			return nil, err
		}
	}
	order := s.last
	return func(version string) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		written, ok := s.orders[version]
		return ok && written >= order
	}, nil
}

// withdraw removes challenge responses.
func (s *challengeStore) withdraw(ctx context.Context, responses ...gatelodge.Challenge) error {
	return s.retain(ctx, func(d gatelodge.Challenge) bool {
		return !slices.ContainsFunc(responses, func(c gatelodge.Challenge) bool {
			return d.Type == c.Type && d.Name == c.Name && d.Token == c.Token
		})
	})
}

// retain removes all challenge responses for which keep returns false.
func (s *challengeStore) retain(ctx context.Context, keep func(gatelodge.Challenge) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(ctx); err != nil {
		return err
	}
	list := slices.DeleteFunc(slices.Clone(s.list), func(c gatelodge.Challenge) bool { return !keep(c) })
	if len(list) == len(s.list) {
		return nil
	}
	return s.write(ctx, list)
}

// load reads what the previous leader stored; the caller holds the lock.
func (s *challengeStore) load(ctx context.Context) error {
	if s.loaded {
		return nil
	}
	item, err := s.store.Get(ctx, gatelodge.ChallengesItem)
	if err != nil && !errors.Is(err, gatelodge.ErrNotFound) {
		return storeError{err}
	}
	// An item that can't be read is replaced by the next write.
	s.list, _ = gatelodge.DecodeChallenges(item.Data)
	s.item, s.loaded = item, true
	s.last++
	s.orders[item.Version] = s.last
	return nil
}

// write replaces the item; the caller holds the lock.
func (s *challengeStore) write(ctx context.Context, list []gatelodge.Challenge) error {
	slices.SortFunc(list, func(c, d gatelodge.Challenge) int {
		return strings.Compare(string(c.Name)+c.Token, string(d.Name)+d.Token)
	})
	parts, err := gatelodge.EncodeChallenges(list)
	if err != nil {
		return err
	}
	next := gatelodge.Item{Data: parts, Version: s.item.Version}
	if next.Version, err = s.store.Put(ctx, gatelodge.ChallengesItem, next); err != nil {
		s.loaded = false // the item may have changed
		return storeError{err}
	}
	s.item, s.list = next, list
	s.last++
	s.orders[next.Version] = s.last
	if len(s.orders) > maxVersions {
		for version, order := range s.orders {
			if order <= s.last-maxVersions/2 {
				delete(s.orders, version)
			}
		}
	}
	return nil
}
