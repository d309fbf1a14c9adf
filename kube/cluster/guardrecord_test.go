package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

// versioned gives ConfigMaps another version with each write, and refuses to write
// over one that was not read, as an API server does.
func versioned(client *fake.Clientset) *fake.Clientset {
	version := 0
	client.PrependReactor("*", "configmaps", func(action clienttesting.Action) (bool, runtime.Object, error) {
		write, ok := action.(interface{ GetObject() runtime.Object })
		if !ok {
			return false, nil, nil
		}
		object := write.GetObject().(*corev1.ConfigMap)
		if action.GetVerb() == "update" && object.ResourceVersion != fmt.Sprint(version) {
			return true, nil, apierrors.NewConflict(schema.GroupResource{Resource: "configmaps"}, object.Name, nil)
		}
		version++
		object.ResourceVersion = fmt.Sprint(version)
		return false, nil, nil
	})
	return client
}

// TestRecordInAConfigMap: the annotation of who confirms, and the leader's
// numbers, leave each other alone.
func TestRecordInAConfigMap(t *testing.T) {
	client := versioned(fake.NewClientset())
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
	object.Labels[instanceLabel] = "other"
	_, err = client.CoreV1().ConfigMaps("gatelodge").Update(t.Context(), object, metav1.UpdateOptions{})
	kubetest.Must(t, err)
	if err := c.ConfirmGuard(t.Context(), "x"); !errors.Is(err, errNotOurs) {
		t.Errorf("the record of another is confirmed: %v", err)
	}
	if what := c.problems.String(); !strings.Contains(what, "is not this gateway's") || strings.Contains(what, "reached") {
		t.Errorf("told: %s", what)
	}
}
