package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/adopt"
)

// AutocertStore is a FolderStore that also keeps the certificates that were issued,
// and the account with the first CA, in a folder that other programs can read as an
// autocert.DirCache (golang.org/x/crypto/acme/autocert). Nothing is read back from
// there, and a file that can't be written is logged: it keeps no item from being
// stored.
//
// A file is written after its item and removed before it, so that whenever the process
// ends, each file that it wrote belongs to an item; missing or old files are written at
// the next start. Files that other programs add are not changed.
type AutocertStore struct {
	*FolderStore
	dir     string
	account func() string // the item of the account with the first CA; "": there is no CA
	log     *slog.Logger

	mu sync.Mutex // held while an item and its files are changed
}

// NewAutocertStore returns the store with the folder dir, which is made if it does
// not exist, and writes what is missing there.
func NewAutocertStore(store *FolderStore, dir string, account func() string, log *slog.Logger) (*AutocertStore, error) {
	if err := openFolder(dir); err != nil {
		return nil, err
	}
	s := &AutocertStore{FolderStore: store, dir: dir, account: account, log: log}
	items, err := store.names("")
	if err != nil {
		return nil, fmt.Errorf("reading what is kept in %s: %w", store.dir, err)
	}
	for _, item := range items {
		if s.hasFiles(item) {
			stored := s.stored(item)
			s.write(s.files(item, stored, s.otherOf(stored)))
		}
	}
	return s, nil
}

// Put implements gatelodge.Store.
func (s *AutocertStore) Put(ctx context.Context, name string, item gatelodge.Item) (version string, err error) {
	err = s.change(name, item.Data, func() error {
		version, err = s.FolderStore.Put(ctx, name, item)
		return err
	})
	return version, err
}

// Delete implements gatelodge.Store.
func (s *AutocertStore) Delete(ctx context.Context, name, version string) error {
	return s.change(name, nil, func() error { return s.FolderStore.Delete(ctx, name, version) })
}

// change makes a change of an item, after which it holds data, with its files.
func (s *AutocertStore) change(item string, data map[string][]byte, apply func() error) error {
	if !s.hasFiles(item) {
		return apply()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stored := s.stored(item)
	other := s.otherOf(stored, data)
	before, after := s.files(item, stored, other), s.files(item, data, other)
	for file := range before {
		if _, stays := after[file]; !stays {
			if err := os.Remove(filepath.Join(s.dir, file)); !errors.Is(err, fs.ErrNotExist) {
				s.logged(file, err)
			}
		}
	}
	err := apply()
	if err != nil {
		after = before
	}
	s.write(after)
	return err
}

func (s *AutocertStore) hasFiles(item string) bool {
	return gatelodge.IsIssuanceItem(item) || item == s.account()
}

// stored returns the content of an item, nothing if it does not exist.
func (s *AutocertStore) stored(item string) map[string][]byte {
	stored, err := s.Get(context.Background(), item)
	if !errors.Is(err, gatelodge.ErrNotFound) {
		s.logged(item, err)
	}
	return stored.Data
}

// otherOf returns the stored item of the other certificate of a host, nothing if there
// is none. of is the old and new content of the first or second one.
func (s *AutocertStore) otherOf(of ...map[string][]byte) map[string][]byte {
	for _, data := range of {
		if issued, err := gatelodge.DecodeIssuance(data); err == nil && issued.Name != "" {
			return s.stored(issued.IssuanceKey().Other().Item())
		}
	}
	return nil
}

// files returns the files for an item, by name. For a host both certificates are
// considered: either may have the RSA key, and if both have one algorithm, the first
// gets the file.
func (s *AutocertStore) files(item string, data, other map[string][]byte) map[string][]byte {
	files := make(map[string][]byte)
	if !gatelodge.IsIssuanceItem(item) {
		if key := data[gatelodge.AccountKeyPart]; len(key) > 0 {
			file, text, err := adopt.AutocertAccountFile(key)
			if s.logged(item, err) {
				files[file] = text
			}
		}
		return files
	}
	for _, data := range []map[string][]byte{data, other} {
		issued, err := gatelodge.DecodeIssuance(data)
		if !s.logged(item, err) || len(issued.Chain) == 0 {
			continue
		}
		file, text, err := adopt.AutocertFile(issued)
		if !s.logged(item, err) {
			continue
		}
		if _, taken := files[file]; !taken || !issued.Second {
			files[file] = text
		}
	}
	return files
}

// write writes the files that are missing or differ.
func (s *AutocertStore) write(files map[string][]byte) {
	for file, text := range files {
		path := filepath.Join(s.dir, file)
		if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, text) {
			continue
		}
		s.logged(file, writeWhole(path, func(out io.Writer) error {
			_, err := out.Write(text)
			return err
		}))
	}
}

// logged logs an error of an item or file, and reports whether there is none.
func (s *AutocertStore) logged(name string, err error) bool {
	if err == nil {
		return true
	}
	s.log.Error("can't write the autocert files for other programs", "folder", s.dir, "of", name, "error", err)
	return false
}
