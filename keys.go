package gatelodge

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Key is a secret shared by all replicas of a gateway, such as the key that
// encrypts session tickets.
type Key [32]byte

// String keeps a Key out of logs.
func (Key) String() string { return "(secret)" }

// GoString keeps a Key out of logs.
func (k Key) GoString() string { return k.String() }

// Keys are the current, previous and next Key. Replicas create things with Current
// and accept things made with any of the three, so they understand each other even
// though they receive new Keys at different times.
type Keys struct {
	Previous, Current, Next Key
}

// NewKeys returns random Keys.
func NewKeys() Keys {
	return Keys{Previous: newKey(), Current: newKey(), Next: newKey()}
}

// All returns the keys in the order in which to try them.
func (k *Keys) All() [3]Key { return [3]Key{k.Current, k.Previous, k.Next} }

func newKey() (k Key) {
	rand.Read(k[:]) // never fails
	return k
}

// SharedKeys keeps Keys in a Store, where all replicas and later processes find
// them.
type SharedKeys struct {
	Store  Store
	Item   string        // the item's name in Store
	Period time.Duration // how long each key stays Current
	Use    func(Keys)    // called with the keys in the Store
	Log    *slog.Logger
}

// The intervals of SharedKeys.
const (
	keysLook  = time.Minute     // how often the leader checks that the keys exist and are not too old
	keysRetry = 5 * time.Second // wait after a failure
)

// Follow calls Use with the keys, at the start and after each change, until ctx
// ends. While the keys are missing or can't be read, the previous ones stay in use.
func (s *SharedKeys) Follow(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	changed := NewSignal()
	ended := make(chan error, 1)
	go func() {
		ended <- s.Store.Watch(ctx, s.Item, func(name string) {
			if name != s.Item {
				return // another item with the same prefix
			}
			changed.Raise()
		})
	}()
	var retry <-chan time.Time
	for {
		select {
		case <-changed:
		case <-retry:
		case err := <-ended:
			if err != nil && ctx.Err() == nil {
				return fmt.Errorf("following the shared keys %s: %w", s.Item, err)
			}
			return nil
		}
		retry = nil
		switch item, err := s.read(ctx); {
		case err == nil:
			s.Use(item.keys)
		case ctx.Err() != nil, errors.Is(err, ErrNotFound), errors.Is(err, errNoKeys): // the leader will create them
		default:
			s.Log.Warn("shared keys can't be read; the previous ones stay in use", "error", err)
			retry = time.After(keysRetry)
		}
	}
}

// Lead creates missing keys and rotates old ones until ctx ends. Only the leader
// may call it.
func (s *SharedKeys) Lead(ctx context.Context) {
	failing := false
	for ctx.Err() == nil {
		wait := keysLook
		err := s.renew(ctx, time.Now())
		if errors.Is(err, ErrConflict) {
			err = nil // another leader was faster
		}
		if err != nil && ctx.Err() == nil {
			wait = keysRetry
			if !failing {
				s.Log.Error("shared keys can't be renewed, trying again", "error", err)
			}
		}
		failing = err != nil
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// renew rotates the keys once Current has been in use for a Period.
func (s *SharedKeys) renew(ctx context.Context, now time.Time) error {
	stored, err := s.read(ctx)
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, errNoKeys):
		stored.keys = NewKeys()
	case err != nil:
		return err
	case now.Sub(stored.since).Abs() < s.Period: // Abs: in case a clock is far off
		return nil
	default:
		stored.keys = Keys{Previous: stored.keys.Current, Current: stored.keys.Next, Next: newKey()}
	}
	_, err = s.Store.Put(ctx, s.Item, Item{Version: stored.version, Data: map[string][]byte{
		"previous": stored.keys.Previous[:],
		"current":  stored.keys.Current[:],
		"next":     stored.keys.Next[:],
		"since":    []byte(now.UTC().Format(time.RFC3339)),
	}})
	if err != nil {
		return fmt.Errorf("storing shared keys: %w", err)
	}
	return nil
}

// storedKeys is the content of an item.
type storedKeys struct {
	keys    Keys
	since   time.Time // when Current became current
	version string
}

// errNoKeys reports an item without valid keys, which the leader replaces.
var errNoKeys = errors.New("the item contains no keys")

func (s *SharedKeys) read(ctx context.Context) (storedKeys, error) {
	item, err := s.Store.Get(ctx, s.Item)
	if err != nil {
		return storedKeys{}, fmt.Errorf("reading shared keys: %w", err)
	}
	stored := storedKeys{version: item.Version}
	if stored.since, err = time.Parse(time.RFC3339, string(item.Data["since"])); err != nil {
		return stored, errNoKeys
	}
	for part, key := range map[string]*Key{
		"previous": &stored.keys.Previous, "current": &stored.keys.Current, "next": &stored.keys.Next,
	} {
		if copy(key[:], item.Data[part]) != len(key) {
			return stored, errNoKeys
		}
	}
	return stored, nil
}
