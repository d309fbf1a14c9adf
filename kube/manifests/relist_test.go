package manifests

import (
	"os"
	"path/filepath"
	"testing"

	"gatelodge.dev/kube/objects"
)

// TestFolderWithoutFiles: a file that is gone is a deletion, and a folder that
// is empty, as when its volume is not mounted, is a list that lacks everything.
func TestFolderWithoutFiles(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml")
	write(t, a, ingressText("a.test"))
	write(t, b, ingressText("b.test"))
	folder := startFolder(t, dir)
	must(t, os.Remove(a))
	waitFor(t, folder, "b.test", 0)
	if relists := folder.Objects().Relists; len(relists) > 0 {
		t.Errorf("a file that is gone lacks %v", relists[0].Lacking)
	}
	uid := listOf(folder.Objects().Ingresses)[0].UID
	must(t, os.Remove(b))
	waitFor(t, folder, "", 0)
	if lacked, all := objects.Lacking(folder.Objects().Relists, uid); !lacked || !all {
		t.Error("an empty folder lacks nothing")
	}
	write(t, b, ingressText("b.test"))
	waitFor(t, folder, "b.test", 0)
	write(t, b, "# none any more\n")
	waitFor(t, folder, "", 0)
	if lacked, _ := objects.Lacking(folder.Objects().Relists, uid); lacked {
		t.Error("a file without objects is taken for an empty folder")
	}
}
