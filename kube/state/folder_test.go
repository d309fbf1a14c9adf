package state

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFolderThatOthersWriteTo: neither a store nor the memory of objects is
// opened in a folder that others can write to.
func TestFolderThatOthersWriteTo(t *testing.T) {
	open := map[string]func(dir string) error{
		"store": func(dir string) error { _, err := NewFolderStore(dir); return err },
		"memory": func(dir string) error {
			_, err := NewLastGood(nil, dir, slog.New(slog.DiscardHandler))
			return err
		},
	}
	for name, open := range open {
		for _, c := range []struct {
			mode os.FileMode
			by   string // "": it is opened
		}{
			{0o700, ""}, {0o750, ""}, {0o755, ""}, {0o770, ""},
			{0o702, "everyone"}, {0o777, "everyone"}, {0o777 | os.ModeSticky, "everyone"},
		} {
			dir := filepath.Join(t.TempDir(), "state")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(dir, c.mode); err != nil {
				t.Fatal(err)
			}
			err := open(dir)
			if c.by == "" && err != nil || c.by != "" && (err == nil || !strings.Contains(err.Error(), "written to by "+c.by)) {
				t.Errorf("%s in mode %v: %v", name, c.mode, err)
			}
		}
		if os.Geteuid() == 0 { // only root can give a folder away
			for by, ids := range map[string][2]int{"its owner, user 65531": {65531, 0}, "group 65531": {0, 65531}} {
				dir := t.TempDir()
				if err := os.Chown(dir, ids[0], ids[1]); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(dir, 0o770); err != nil {
					t.Fatal(err)
				}
				if err := open(dir); err == nil || !strings.Contains(err.Error(), by) {
					t.Errorf("%s in a folder of another: %v", name, err)
				}
			}
		}
	}
}
