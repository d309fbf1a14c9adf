// Package storetest tests implementations of gatelodge.Store, as testing/fstest
// does those of fs.FS: what holds for a folder has to hold for a cluster, where
// only an API server can tell.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
)

// Test puts an empty store to the test. Item names that start with "zone-" are
// public, in the words of package kube.
func Test(t *testing.T, store gatelodge.Store) {
	for _, name := range []string{"tickets", "zone-example.test-default"} {
		t.Run(name, func(t *testing.T) {
			testItem(t, store, name)
		})
	}
	t.Run("names", func(t *testing.T) { testNames(t, store) })
	t.Run("watch", func(t *testing.T) { testWatch(t, store) })
}

func testItem(t *testing.T, store gatelodge.Store, name string) {
	ctx := t.Context()
	if _, err := store.Get(ctx, name); !errors.Is(err, gatelodge.ErrNotFound) {
		t.Fatalf("get what is not there: %v", err)
	}
	if err := store.Delete(ctx, name, "1"); !errors.Is(err, gatelodge.ErrNotFound) {
		t.Errorf("delete what is not there: %v", err)
	}
	data := map[string][]byte{"text": []byte("für alle"), "binary": {0xff, 0, 1}}
	first, err := store.Put(ctx, name, gatelodge.Item{Data: data})
	if err != nil || first == "" {
		t.Fatalf("put: version %q, %v", first, err)
	}
	if item, err := store.Get(ctx, name); err != nil || item.Version != first || !maps.EqualFunc(item.Data, data, bytes.Equal) {
		t.Errorf("got %v %v, want version %s of %v", item, err, first, data)
	}
	if _, err := store.Put(ctx, name, gatelodge.Item{Data: data}); !errors.Is(err, gatelodge.ErrConflict) {
		t.Errorf("make what is there: %v", err)
	}
	second, err := store.Put(ctx, name, gatelodge.Item{Data: map[string][]byte{"text": []byte("new")}, Version: first})
	if err != nil || second == first {
		t.Fatalf("put over %s: version %q, %v", first, second, err)
	}
	if item, err := store.Get(ctx, name); err != nil || len(item.Data) != 1 || item.Version != second {
		t.Errorf("a part that was left out is still there: %v %v", item, err)
	}
	if _, err := store.Put(ctx, name, gatelodge.Item{Data: data, Version: first}); !errors.Is(err, gatelodge.ErrConflict) {
		t.Errorf("put over an old version: %v", err)
	}
	if err := store.Delete(ctx, name, first); !errors.Is(err, gatelodge.ErrConflict) {
		t.Errorf("delete an old version: %v", err)
	}
	if err := store.Delete(ctx, name, second); err != nil {
		t.Errorf("delete: %v", err)
	}
	if _, err := store.Put(ctx, name, gatelodge.Item{Data: data, Version: second}); !errors.Is(err, gatelodge.ErrConflict) {
		t.Errorf("put over what was deleted: %v", err)
	}
}

func testNames(t *testing.T, store gatelodge.Store) {
	for _, name := range []string{"", "../up", "a/b", "Upper", "under_score", ".hidden"} {
		if _, err := store.Put(t.Context(), name, gatelodge.Item{}); err == nil {
			t.Errorf("an item may be called %q", name)
		}
		if _, err := store.Get(t.Context(), name); err == nil || errors.Is(err, gatelodge.ErrNotFound) {
			t.Errorf("get %q: %v, want an error about the name", name, err)
		}
	}
}

func testWatch(t *testing.T, store gatelodge.Store) {
	put := func(name, version string) string {
		t.Helper()
		version, err := store.Put(t.Context(), name, gatelodge.Item{Data: map[string][]byte{"k": []byte(name + version)}, Version: version})
		if err != nil {
			t.Fatal(err)
		}
		return version
	}
	put("acme-there", "")
	ctx, stop := context.WithCancel(t.Context())
	names := make(chan string, 100)
	ended := make(chan error)
	go func() { ended <- store.Watch(ctx, "acme-", func(name string) { names <- name }) }()
	wants := func(want string) {
		t.Helper()
		select {
		case name := <-names:
			if name != want {
				t.Fatalf("told of %s, want %s", name, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("not told of %s", want)
		}
	}
	wants("acme-there")
	put("other", "")
	version := put("acme-new", "")
	wants("acme-new")
	version = put("acme-new", version)
	wants("acme-new")
	if err := store.Delete(t.Context(), "acme-new", version); err != nil {
		t.Fatal(err)
	}
	wants("acme-new")
	stop()
	if err := <-ended; err != nil {
		t.Errorf("watch ended with %v", err)
	}
	if len(names) > 0 {
		t.Errorf("told also of %s", <-names)
	}
}
