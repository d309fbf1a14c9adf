package gatelodge_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gatelodge "gatelodge.dev"
)

// memoryStore is a Store of a few items.
type memoryStore struct {
	mu      sync.Mutex
	items   map[string]gatelodge.Item
	changed chan struct{} // closed at the next change
	version int
	fail    error
}

func newMemoryStore() *memoryStore {
	return &memoryStore{items: make(map[string]gatelodge.Item), changed: make(chan struct{})}
}

func (s *memoryStore) Get(_ context.Context, name string) (gatelodge.Item, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	item, ok := s.items[name]
	if s.fail != nil {
		return gatelodge.Item{}, s.fail
	}
	if !ok {
		return gatelodge.Item{}, gatelodge.ErrNotFound
	}
	return item, nil
}

func (s *memoryStore) Put(_ context.Context, name string, item gatelodge.Item) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.items[name].Version != item.Version {
		return "", gatelodge.ErrConflict
	}
	s.version++
	item.Version, item.Data = strconv.Itoa(s.version), maps.Clone(item.Data)
	s.items[name] = item
	close(s.changed)
	s.changed = make(chan struct{})
	return item.Version, nil
}

func (s *memoryStore) Delete(context.Context, string, string) error { panic("keys are never deleted") }

func (s *memoryStore) Watch(ctx context.Context, prefix string, changed func(string)) error {
	for {
		s.mu.Lock()
		next := s.changed
		var names []string
		for name := range s.items {
			if strings.HasPrefix(name, prefix) {
				names = append(names, name)
			}
		}
		s.mu.Unlock()
		for _, name := range names {
			changed(name)
		}
		select {
		case <-next:
		case <-ctx.Done():
			return nil
		}
	}
}

// replica follows the keys of a store.
type replica struct {
	shared *gatelodge.SharedKeys

	mu   sync.Mutex
	keys []gatelodge.Keys // in the order received
}

const period = 12 * time.Hour

func newReplica(t *testing.T, store gatelodge.Store) *replica {
	r := &replica{}
	r.shared = &gatelodge.SharedKeys{
		Store: store, Item: "tickets", Period: period, Log: slog.New(slog.DiscardHandler),
		Use: func(k gatelodge.Keys) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if len(r.keys) == 0 || r.keys[len(r.keys)-1] != k {
				r.keys = append(r.keys, k)
			}
		},
	}
	go func() {
		if err := r.shared.Follow(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	return r
}

// came returns all keys received so far.
func (r *replica) came() []gatelodge.Keys {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys
}

func (r *replica) latest() gatelodge.Keys { return r.came()[len(r.came())-1] }

// TestSharedKeysAreKnownBeforeTheyAreUsed: over several days, a key becomes current
// only after every replica has had it for a period, and is accepted for another
// period afterwards.
func TestSharedKeysAreKnownBeforeTheyAreUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemoryStore()
		a, b := newReplica(t, store), newReplica(t, store)
		go a.shared.Lead(t.Context())
		synctest.Wait()
		if a.latest() != b.latest() || a.latest().Current == (gatelodge.Key{}) {
			t.Fatalf("two replicas do not have the same keys")
		}
		for range 5 {
			before := a.latest()
			time.Sleep(period - 5*time.Minute)
			synctest.Wait()
			if a.latest() != before {
				t.Fatal("the keys changed before their time")
			}
			time.Sleep(6 * time.Minute)
			synctest.Wait()
			after := b.latest()
			if after.Current != before.Next || after.Previous != before.Current ||
				after.Next == before.Next || after.Next == before.Current || a.latest() != after {
				t.Fatal("the keys did not move on by one, everywhere")
			}
		}
	})
}

// TestSharedKeysOutliveTheirMakers: a later process finds the keys, and the next
// leader continues the rotation.
func TestSharedKeysOutliveTheirMakers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemoryStore()
		first, end := context.WithCancel(t.Context())
		a := newReplica(t, store)
		go a.shared.Lead(first)
		synctest.Wait()
		end()
		time.Sleep(time.Hour)
		b := newReplica(t, store)
		go b.shared.Lead(t.Context())
		synctest.Wait()
		if b.latest() != a.came()[0] {
			t.Error("a later leader has other keys")
		}
	})
}

// TestSharedKeysThatCanNotBeRead: the previous keys stay in use until the new ones
// can be read.
func TestSharedKeysThatCanNotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemoryStore()
		a := newReplica(t, store)
		go a.shared.Lead(t.Context())
		synctest.Wait()
		fail := func(err error) {
			store.mu.Lock()
			defer store.mu.Unlock()
			store.fail = err
		}
		fail(context.DeadlineExceeded)
		b := newReplica(t, store)
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(b.came()) != 0 {
			t.Fatal("keys came from nowhere")
		}
		fail(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(b.came()) != 1 || b.latest() != a.latest() {
			t.Error("the keys did not come once they could be read")
		}
	})
}

// TestSharedKeysOfAnotherWriter: an item without keys is replaced, and never used.
func TestSharedKeysOfAnotherWriter(t *testing.T) {
	for name, data := range map[string]map[string][]byte{
		"empty": nil,
		"short": {"since": []byte("2026-07-01T00:00:00Z"), "previous": make([]byte, 32), "current": make([]byte, 31), "next": make([]byte, 32)},
		"date":  {"since": []byte("yesterday"), "previous": make([]byte, 32), "current": make([]byte, 32), "next": make([]byte, 32)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newMemoryStore()
				if _, err := store.Put(t.Context(), "tickets", gatelodge.Item{Data: data}); err != nil {
					t.Fatal(err)
				}
				a := newReplica(t, store)
				synctest.Wait()
				if len(a.came()) != 0 {
					t.Fatal("keys were made of nothing")
				}
				go a.shared.Lead(t.Context())
				synctest.Wait()
				if len(a.came()) != 1 {
					t.Error("the leader did not make keys")
				}
			})
		})
	}
}

// TestKeysAreNotPrinted: no verb of fmt prints a key.
func TestKeysAreNotPrinted(t *testing.T) {
	keys := gatelodge.NewKeys()
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, text := range []string{fmt.Sprintf(format, keys), fmt.Sprintf(format, &keys), fmt.Sprintf(format, keys.Current)} {
			if strings.Count(text, " ") > 8 || !strings.Contains(text, "secret") {
				t.Errorf("%s: %s", format, text)
			}
		}
	}
}
