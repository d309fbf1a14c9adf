package kube_test

import (
	"os"
	"path/filepath"
	"testing"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube"
	"gatelodge.dev/kube/storetest"
)

func TestFolderStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "items")
	store, err := kube.NewFolderStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	storetest.Test(t, store)
}

func TestFolderStoreOutlivesTheProcess(t *testing.T) {
	dir := t.TempDir()
	before, err := kube.NewFolderStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	version, err := before.Put(t.Context(), "tickets", gatelodge.Item{Data: map[string][]byte{"key": []byte("secret")}})
	if err != nil {
		t.Fatal(err)
	}
	after, err := kube.NewFolderStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	if item, err := after.Get(t.Context(), "tickets"); err != nil || item.Version != version || string(item.Data["key"]) != "secret" {
		t.Errorf("after a restart: %v %v", item, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v %v, want one", files, err)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of a secret: %v %v", info, err)
	}
}
