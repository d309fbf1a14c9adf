package kube_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube"
)

// TestStoredItemsAreObjects: what was kept is there from the first moment on,
// and what changes afterwards follows; the account's key is nobody's to serve.
func TestStoredItemsAreObjects(t *testing.T) {
	store, err := kube.NewFolderStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	put := func(item, content, version string) string {
		t.Helper()
		version, err := store.Put(t.Context(), item, gatelodge.Item{Data: map[string][]byte{"name": []byte(content)}, Version: version})
		if err != nil {
			t.Fatal(err)
		}
		return version
	}
	kept := gatelodge.IssuanceItem("kept.example.com")
	version := put(kept, "kept.example.com", "")
	put("acme-account", "secret", "")

	source := kube.NewStoredSource(kube.NewFolder(t.TempDir(), slog.New(slog.DiscardHandler)), store, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	dirty, ended := make(chan struct{}, 100), make(chan error, 1)
	go func() { ended <- source.Run(ctx, func() { dirty <- struct{}{} }) }()
	await := func(what string, holds func(kube.Objects) bool) {
		t.Helper()
		deadline := time.After(time.Minute)
		for {
			select {
			case <-dirty:
			case <-deadline:
				t.Fatalf("waited for %s, have %v", what, source.Objects().Stored)
			}
			if holds(source.Objects()) {
				return
			}
		}
	}
	<-dirty
	if objects := source.Objects(); len(objects.Stored) != 1 || objects.Stored[0].Name != kept {
		t.Fatalf("at the start: %v, want the certificate that is kept", objects.Stored)
	}
	version = put(kept, "kept.example.com.", version)
	await("another version", func(o kube.Objects) bool { return len(o.Stored) == 1 && o.Stored[0].ResourceVersion == version })
	put(gatelodge.ChallengesItem, "", "")
	await("a second item", func(o kube.Objects) bool { return len(o.Stored) == 2 })
	if err := store.Delete(ctx, kept, version); err != nil {
		t.Fatal(err)
	}
	await("the first to go", func(o kube.Objects) bool { return len(o.Stored) == 1 })
	stop()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
