//go:build debian

package cluster_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// containerCgroups lists the cgroups that containerd makes for Kubernetes, in
// all hierarchies, each before those below it. They are the machine's: no
// namespace takes them along when it ends.
func containerCgroups() (found []string) {
	for _, pattern := range []string{"/sys/fs/cgroup/k8s.io", "/sys/fs/cgroup/*/k8s.io"} { // version 2, and version 1
		roots, err := filepath.Glob(pattern)
		if err != nil {
			panic(err) // the patterns are constants
		}
		for _, root := range roots {
			filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
				if err == nil && entry.IsDir() {
					found = append(found, path)
				}
				return nil // some may go meanwhile
			})
		}
	}
	return found
}

// removeNewCgroups removes those that were not there before, as far as there is
// no process in them.
func removeNewCgroups(before []string) {
	for _, path := range slices.Backward(containerCgroups()) {
		if !slices.Contains(before, path) {
			_ = os.Remove(path) // refused where a process is: then it is not ours
		}
	}
}
