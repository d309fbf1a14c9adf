package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// FolderStore is a gatelodge.Store of a folder, for a gateway without a
// cluster: a file for each item, which only the owner may read. A version is
// the hash of the content. The folder is for one process at a time.
type FolderStore struct {
	dir string

	mu       sync.Mutex // held while a file is compared and changed
	watchers map[*folderWatcher]bool
}

// folderWatcher is one call of Watch.
type folderWatcher struct {
	prefix string
	wake   gatelodge.Signal
	names  []string // that changed; guarded by FolderStore.mu
}

// NewFolderStore returns the store of a folder, which is made if it does not
// exist.
func NewFolderStore(dir string) (*FolderStore, error) {
	if err := openFolder(dir); err != nil {
		return nil, err
	}
	return &FolderStore{dir: dir, watchers: make(map[*folderWatcher]bool)}, nil
}

const itemSuffix = ".json"

// Get implements gatelodge.Store.
func (s *FolderStore) Get(_ context.Context, name string) (gatelodge.Item, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	item, err := s.read(name)
	if err != nil {
		return gatelodge.Item{}, fmt.Errorf("get item %s in %s: %w", name, s.dir, err)
	}
	return item, nil
}

// Put implements gatelodge.Store.
func (s *FolderStore) Put(_ context.Context, name string, item gatelodge.Item) (version string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.compare(name, item.Version); err != nil {
		return "", fmt.Errorf("put item %s in %s: %w", name, s.dir, err)
	}
	text, err := json.Marshal(item.Data)
	if err == nil {
		err = writeWhole(filepath.Join(s.dir, name+itemSuffix), func(out io.Writer) error {
			_, err := out.Write(text)
			return err
		})
	}
	if err != nil {
		return "", fmt.Errorf("put item %s in %s: %w", name, s.dir, err)
	}
	s.tell(name)
	return objects.HashOf(text), nil
}

// Delete implements gatelodge.Store.
func (s *FolderStore) Delete(_ context.Context, name, version string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.read(name)
	if err == nil {
		err = s.compare(name, version)
	}
	if err == nil {
		err = os.Remove(filepath.Join(s.dir, name+itemSuffix))
	}
	if err != nil {
		return fmt.Errorf("delete item %s in %s: %w", name, s.dir, err)
	}
	s.tell(name)
	return nil
}

// read reads an item; the caller holds the lock.
func (s *FolderStore) read(name string) (gatelodge.Item, error) {
	if err := objects.CheckItemName(name); err != nil {
		return gatelodge.Item{}, err
	}
	text, err := os.ReadFile(filepath.Join(s.dir, name+itemSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return gatelodge.Item{}, gatelodge.ErrNotFound
	} else if err != nil {
		return gatelodge.Item{}, err
	}
	item := gatelodge.Item{Version: objects.HashOf(text)}
	if err := json.Unmarshal(text, &item.Data); err != nil {
		return gatelodge.Item{}, err
	}
	return item, nil
}

// compare returns an error unless the stored item has the version, "" meaning none.
func (s *FolderStore) compare(name, version string) error {
	item, err := s.read(name)
	switch {
	case errors.Is(err, gatelodge.ErrNotFound):
	case err != nil:
		return err
	}
	if item.Version != version {
		return gatelodge.ErrConflict
	}
	return nil
}

// Watch implements gatelodge.Store.
func (s *FolderStore) Watch(ctx context.Context, prefix string, changed func(name string)) error {
	w := &folderWatcher{prefix: prefix, wake: gatelodge.NewSignal()}
	if err := s.begin(w); err != nil {
		return err
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, w)
	}()
	for {
		s.mu.Lock()
		names := w.names
		w.names = nil
		s.mu.Unlock()
		for _, name := range names {
			changed(name)
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

// begin registers the watcher, with the existing items as its first news.
func (s *FolderStore) begin(w *folderWatcher) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if w.names, err = s.names(w.prefix); err != nil {
		return fmt.Errorf("watch items in %s: %w", s.dir, err)
	}
	s.watchers[w] = true
	return nil
}

// names lists the items that start with prefix.
func (s *FolderStore) names(prefix string) ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), itemSuffix); ok && strings.HasPrefix(name, prefix) && objects.CheckItemName(name) == nil {
			names = append(names, name)
		}
	}
	return names, nil
}

// tell wakes the watchers of the item; the caller holds the lock.
func (s *FolderStore) tell(name string) {
	for w := range s.watchers {
		if strings.HasPrefix(name, w.prefix) {
			w.names = append(w.names, name)
			w.wake.Raise()
		}
	}
}
