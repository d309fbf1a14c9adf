package cluster

import (
	"log/slog"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

// TestRecordInAConfigMap: the annotation of who confirms, and the leader's
// numbers, leave each other alone.
func TestRecordInAConfigMap(t *testing.T) {
	client := fake.NewClientset()
	c := New(client, Config{Name: "a", Namespace: "gatelodge", Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	record := func() *objects.GuardRecord {
		t.Helper()
		object, err := client.CoreV1().ConfigMaps("gatelodge").Get(t.Context(), "a-guard", metav1.GetOptions{})
		kubetest.Must(t, err)
		return c.recordOf(object)
	}
	kubetest.Must(t, c.PutGuardRecord(t.Context(), objects.GuardRecord{Hosts: 20, Hash: "h", Withheld: "w"}))
	kubetest.Must(t, c.ConfirmGuard(t.Context(), "w"))
	if got := record(); *got != (objects.GuardRecord{Hosts: 20, Hash: "h", Withheld: "w", Confirmed: "w"}) {
		t.Errorf("got %+v", got)
	}
	kubetest.Must(t, c.PutGuardRecord(t.Context(), objects.GuardRecord{Hosts: 3, Hash: "i"}))
	if got := record(); *got != (objects.GuardRecord{Hosts: 3, Hash: "i", Confirmed: "w"}) {
		t.Errorf("got %+v", got)
	}
	other := New(client, Config{Name: "other", Namespace: "gatelodge", Log: c.Cfg.Log})
	object, err := client.CoreV1().ConfigMaps("gatelodge").Get(t.Context(), "a-guard", metav1.GetOptions{})
	kubetest.Must(t, err)
	if got := other.recordOf(object); got != nil {
		t.Errorf("another gateway reads %+v", got)
	}
}
