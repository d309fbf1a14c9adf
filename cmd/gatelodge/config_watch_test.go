package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// configSeen is one call of a watcher: the name in the configuration, or the error.
type configSeen struct {
	name string
	err  error
}

// startWatch runs watchConfig until the test ends.
func startWatch(t *testing.T, file string) <-chan configSeen {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	changes, done := make(chan configSeen, 100), make(chan error)
	go func() {
		done <- watchConfig(ctx, file, nil, slog.New(slog.DiscardHandler), func(c *config, err error) {
			if err != nil {
				changes <- configSeen{err: err}
				return
			}
			changes <- configSeen{name: c.Name}
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the watch ended with %v", err)
		}
	})
	return changes
}

// waitForConfig reads changes until it sees the wanted name, or an error that
// contains fault. Before that it may see a file that was read while written.
func waitForConfig(t *testing.T, changes <-chan configSeen, name, fault string) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case c := <-changes:
			if c.err == nil && fault == "" && c.name == name || c.err != nil && fault != "" && strings.Contains(c.err.Error(), fault) {
				return
			}
		case <-deadline:
			t.Fatalf("no change to %q%q was seen", name, fault)
		}
	}
}

func writeConfig(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestWatchedFile: the file is written in place, broken, corrected, replaced as
// editors do, removed, and restored.
func TestWatchedFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	writeConfig(t, file, "name: first")
	changes := startWatch(t, file)
	waitForConfig(t, changes, "first", "")

	writeConfig(t, file, "name: second")
	waitForConfig(t, changes, "second", "")

	writeConfig(t, file, "nmae: third")
	waitForConfig(t, changes, "", "nmae: unknown key")

	writeConfig(t, file, "name: third")
	waitForConfig(t, changes, "third", "")

	writeConfig(t, file+".new", "name: fourth")
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	waitForConfig(t, changes, "fourth", "")

	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	waitForConfig(t, changes, "", "no such file")
	writeConfig(t, file, "name: fifth")
	waitForConfig(t, changes, "fifth", "")
}

// TestWatchedConfigMap: a kubelet writes a new folder and swaps a link to it.
func TestWatchedConfigMap(t *testing.T) {
	dir := t.TempDir()
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	writeConfig(t, filepath.Join(dir, "..1", "gateway.yaml"), "name: first")
	link("..1", "..data")
	link("..data/gateway.yaml", "gateway.yaml")
	changes := startWatch(t, filepath.Join(dir, "gateway.yaml"))
	waitForConfig(t, changes, "first", "")

	writeConfig(t, filepath.Join(dir, "..2", "gateway.yaml"), "name: second")
	link("..2", "..data_tmp")
	if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	waitForConfig(t, changes, "second", "")
}

// TestWatchWithoutEvents: a change of a link's target in another folder, which is
// not watched, is seen, too.
func TestWatchWithoutEvents(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "real.yaml")
	writeConfig(t, elsewhere, "name: first")
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	if err := os.Symlink(elsewhere, file); err != nil {
		t.Fatal(err)
	}
	changes := startWatch(t, file)
	waitForConfig(t, changes, "first", "")
	writeConfig(t, elsewhere, "name: second")
	waitForConfig(t, changes, "second", "")
}

// TestWatchedFileIsKnown: what the caller has read is not parsed again, and a change
// since then is.
func TestWatchedFileIsKnown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	writeConfig(t, file, "name: first")
	watched := watchedFile{name: file, content: "name: first"}
	if c, changed, err := watched.read(); changed {
		t.Errorf("the known file is parsed: %v, %v", c, err)
	}
	writeConfig(t, file, "name: second")
	if c, changed, err := watched.read(); !changed || err != nil || c.Name != "second" {
		t.Errorf("the changed file gives %v, %v, %v", c, changed, err)
	}
}
