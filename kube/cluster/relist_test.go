package cluster

import (
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
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
		"deleted":            {feedKey{kind: "Ingress"}, func(f *feed) error { return f.Delete(object("a")) }, false, false},
		"a list without it":  {feedKey{kind: "Ingress"}, func(f *feed) error { return f.Replace([]any{object("b")}, "") }, true, false},
		"an empty list":      {feedKey{kind: "Ingress"}, func(f *feed) error { return f.Replace(nil, "") }, true, true},
		"the same list":      {feedKey{kind: "Ingress"}, func(f *feed) error { return f.Replace([]any{object("a"), object("b")}, "") }, false, false},
		"a list of one name": {feedKey{kind: "Ingress", name: "a"}, func(f *feed) error { return f.Replace(nil, "") }, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := testFeed(test.key, func() {})
			kubetest.Must(t, f.Replace([]any{object("a"), object("b")}, ""))
			if relist := f.read().relist; relist != nil {
				t.Errorf("the first list lacks %v", relist.Lacking)
			}
			kubetest.Must(t, test.change(f))
			relist := f.read().relist
			var relists []*objects.Relist
			if relist != nil {
				relists = append(relists, relist)
			}
			if lacked, all := objects.Lacking(relists, "a"); lacked != test.wantLacked || all != test.wantAll {
				t.Errorf("a is lacking: %v, with all others: %v; want %v, %v", lacked, all, test.wantLacked, test.wantAll)
			}
		})
	}
}
