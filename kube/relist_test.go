package kube

import (
	"os"
	"path/filepath"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// TestListAnewIsNoDeletion: what a whole list lacks is told from what was
// deleted, and an empty list from one that is not.
func TestListAnewIsNoDeletion(t *testing.T) {
	object := func(name string) *networkingv1.Ingress {
		return &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: name, UID: types.UID(name), ResourceVersion: "1"}}
	}
	for name, test := range map[string]struct {
		key                 feedKey
		change              func(f *feed) error
		wantLacked, wantAll bool
	}{
		"deleted":            {feedKey{}, func(f *feed) error { return f.Delete(object("a")) }, false, false},
		"a list without it":  {feedKey{}, func(f *feed) error { return f.Replace([]any{object("b")}, "") }, true, false},
		"an empty list":      {feedKey{}, func(f *feed) error { return f.Replace(nil, "") }, true, true},
		"the same list":      {feedKey{}, func(f *feed) error { return f.Replace([]any{object("a"), object("b")}, "") }, false, false},
		"a list of one name": {feedKey{name: "a"}, func(f *feed) error { return f.Replace(nil, "") }, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := &feed{key: test.key, trim: trim("m"), changed: func() {}}
			must(t, f.Replace([]any{object("a"), object("b")}, ""))
			if _, relist := f.list(); relist != nil {
				t.Errorf("the first list lacks %v", relist.Lacking)
			}
			must(t, test.change(f))
			_, relist := f.list()
			var relists []*Relist
			if relist != nil {
				relists = append(relists, relist)
			}
			if lacked, all := lacking(relists, "a"); lacked != test.wantLacked || all != test.wantAll {
				t.Errorf("a is lacking: %v, with all others: %v; want %v, %v", lacked, all, test.wantLacked, test.wantAll)
			}
		})
	}
}

// TestFolderWithoutFiles: a file that is gone is a deletion, and a folder that
// is empty, as when its volume is not mounted, is a list that lacks everything.
func TestFolderWithoutFiles(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml")
	write(t, a, ingressOf("a.test"))
	write(t, b, ingressOf("b.test"))
	folder := startFolder(t, dir)
	must(t, os.Remove(a))
	waitFor(t, folder, "b.test", 0)
	if relists := folder.Objects().Relists; len(relists) > 0 {
		t.Errorf("a file that is gone lacks %v", relists[0].Lacking)
	}
	uid := folder.Objects().Ingresses[0].UID
	must(t, os.Remove(b))
	waitFor(t, folder, "", 0)
	if lacked, all := lacking(folder.Objects().Relists, uid); !lacked || !all {
		t.Error("an empty folder lacks nothing")
	}
	write(t, b, ingressOf("b.test"))
	waitFor(t, folder, "b.test", 0)
	write(t, b, "# none any more\n")
	waitFor(t, folder, "", 0)
	if lacked, _ := lacking(folder.Objects().Relists, uid); lacked {
		t.Error("a file without objects is taken for an empty folder")
	}
}
