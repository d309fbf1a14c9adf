//go:build debian

package cluster_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// cgroup is the name below which the containers' cgroups are, in each hierarchy.
// They are the machine's, and no namespace takes them along when it ends.
func cgroup() string { return filepath.Base(os.Getenv(folder)) }

// removeCgroups removes what the containers leave, once all have ended.
func removeCgroups() error {
	var errs []error
	for _, pattern := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/*/"} { // version 2, and version 1
		roots, err := filepath.Glob(pattern + cgroup())
		errs = append(errs, err)
		for _, root := range roots {
			errs = append(errs, removeCgroup(root))
		}
	}
	return errors.Join(errs...)
}

// removeCgroup removes a cgroup and those below. Their files go with them, and
// can't be removed by themselves.
func removeCgroup(root string) error {
	var folders []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			folders = append(folders, path)
		}
		return err
	})
	errs := []error{err}
	for _, folder := range slices.Backward(folders) {
		errs = append(errs, os.Remove(folder))
	}
	return errors.Join(errs...)
}
