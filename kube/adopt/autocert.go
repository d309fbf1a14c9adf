package adopt

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// challengeSuffixes are the suffixes of files that only an order in progress uses.
var challengeSuffixes = []string{"+token", "+http-01"}

// Limits of what is read of a folder.
const (
	maxFiles     = 50_000
	maxFileBytes = 256 << 10
)

// Autocert reads a folder of autocert.DirCache (golang.org/x/crypto/acme/autocert). A
// file that can't be used is a problem, and the others are used.
func Autocert(dir string, now time.Time) objects.Adopted {
	f := &finder{now: now}
	entries, err := os.ReadDir(dir)
	if err != nil {
		f.problem("the folder can't be read, and no certificate is taken from it: %v", err)
		return f.result()
	}
	if len(entries) > maxFiles {
		f.problem("%s has %d files, the most is %d; the others are left out", dir, len(entries), maxFiles)
		entries = entries[:maxFiles]
	}
	for _, entry := range entries {
		f.autocertFile(dir, entry)
	}
	return f.result()
}

// autocertFile reads one file. The files come in the order of their names: HOST is
// before HOST+rsa.
func (f *finder) autocertFile(dir string, entry fs.DirEntry) {
	name, path := entry.Name(), filepath.Join(dir, entry.Name())
	if entry.IsDir() || strings.HasPrefix(name, ".") || isChallenge(name) {
		return
	}
	err := f.autocertText(path, name)
	if err != nil {
		f.problem("%s can't be used: %v", path, err)
	}
}

func isChallenge(name string) bool {
	for _, suffix := range challengeSuffixes {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

func (f *finder) autocertText(path, name string) error {
	isAccount := name == accountFile || name == olderAccountFile
	host, err := HostOf(name)
	if err != nil && !isAccount {
		return errors.New("its name is not one that autocert gives: a host, a host with +rsa behind it, or acme_account+key")
	}
	text, err := readFile(path, maxFileBytes)
	if err != nil {
		return err
	}
	if !isAccount {
		first, isRSA := strings.CutSuffix(path, rsaSuffix)
		second := isRSA && f.found.Items.Get(objects.Key{Name: first}) != nil
		return f.certificate(path, gatelodge.IssuanceKey{Name: host, Second: second}, text, nil)
	}
	key, err := AccountKey(text)
	if err == nil && (name == accountFile || f.found.AccountKey == "") {
		f.found.AccountKey = key
	}
	return err
}
