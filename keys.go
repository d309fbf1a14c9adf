package gatelodge

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Key is a secret that all replicas of a gateway share, such as the one that
// session tickets are encrypted with.
type Key [32]byte

// String keeps a Key out of logs.
func (Key) String() string { return "(secret)" }

// GoString keeps it out, too.
func (k Key) GoString() string { return k.String() }

// Keys are a Key with the previous and the next one. Replicas make things with
// Current and accept what was made with any of them. So replicas understand each
// other although they get new Keys at different times.
type Keys struct {
	Previous, Current, Next Key
}

// NewKeys makes Keys at random.
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
	Period time.Duration // how long each key is Current
	Use    func(Keys)    // called with the keys in the Store
	Log    *slog.Logger
}

// The times of SharedKeys.
const (
	keysLook  = time.Minute     // how often the leader checks that the keys exist and are young enough
	keysRetry = 5 * time.Second // after a failure
)

// Follow passes the keys to Use, at the start and after each change, until ctx
// ends. While there are none, or they can't be read, the previous ones stay.
func (s *SharedKeys) Follow(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	changed := NewSignal()
	ended := make(chan error, 1)
	go func() {
		ended <- s.Store.Watch(ctx, s.Item, func(name string) {
			if name != s.Item {
				return // another item with this prefix
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
		case ctx.Err() != nil, errors.Is(err, ErrNotFound), errors.Is(err, errNoKeys): // the leader will make them
		default:
			s.Log.Warn("shared keys can't be read; the previous ones stay in use", "error", err)
			retry = time.After(keysRetry)
		}
	}
}

// Lead makes missing keys, and new ones when it is time, until ctx ends. Only the
// leader calls it.
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

// renew rotates the keys if Current was in use for a Period.
func (s *SharedKeys) renew(ctx context.Context, now time.Time) error {
	stored, err := s.read(ctx)
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, errNoKeys):
		stored.keys = NewKeys()
	case err != nil:
		return err
	case now.Sub(stored.since).Abs() < s.Period: // also if a clock is far off
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
	since   time.Time // when Current came into use
	version string
}

// errNoKeys is for an item without valid keys, which is replaced.
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
