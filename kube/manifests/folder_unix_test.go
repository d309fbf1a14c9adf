package manifests

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	gatelodge "gatelodge.dev"
)

// TestFolderPassesOverWhatIsNoFile: whatever else has the name of a manifest,
// the manifests beside it are followed on.
func TestFolderPassesOverWhatIsNoFile(t *testing.T) {
	for _, test := range []struct {
		name string
		make func(path string) error
	}{
		{"a pipe", func(path string) error { return syscall.Mkfifo(path, 0o600) }},
		{"a link to itself", func(path string) error { return os.Symlink(path, path) }},
		{"a link to nothing", func(path string) error { return os.Symlink("nothing", path) }},
		{"a folder", func(path string) error { return os.Mkdir(path, 0o700) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "a.yaml"), ingressText("a.example"))
			folder := startFolder(t, dir)
			odd := filepath.Join(dir, "odd.yaml")
			must(t, test.make(odd))
			write(t, filepath.Join(dir, "b.yaml"), ingressText("b.example"))
			waitFor(t, folder, "a.example b.example", 0)

			below := filepath.Join(dir, "below")
			must(t, os.Mkdir(below, 0o700))
			write(t, filepath.Join(below, "c.yaml"), ingressText("c.example"))
			waitFor(t, folder, "a.example b.example c.example", 0)

			must(t, os.Remove(odd))
			write(t, odd, ingressText("odd.example"))
			waitFor(t, folder, "a.example b.example c.example odd.example", 0)
		})
	}
}

// TestFolderThatCannotBeListed: what was served stays, and somebody is told.
func TestFolderThatCannotBeListed(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), ingressText("a.example"))
	folder := startFolder(t, dir)
	endless := filepath.Join(dir, "endless")
	must(t, os.Symlink(dir, endless))
	waitFor(t, folder, "a.example", 1)
	if problem := folder.Objects().Problems[0]; problem.Reason != gatelodge.SourceFailed {
		t.Errorf("got %s", problem)
	}
	must(t, os.Remove(endless))
	waitFor(t, folder, "a.example", 0)
}

// TestFolderNamedLikeAManifest: it is a folder, and what is in it counts.
func TestFolderNamedLikeAManifest(t *testing.T) {
	dir := t.TempDir()
	folder := startFolder(t, dir)
	must(t, os.Mkdir(filepath.Join(dir, "team.yaml"), 0o700))
	write(t, filepath.Join(dir, "team.yaml", "a.yaml"), ingressText("a.example"))
	waitFor(t, folder, "a.example", 0)
}
