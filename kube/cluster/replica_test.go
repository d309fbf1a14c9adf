package cluster

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"

	"gatelodge.dev/kube/kubetest"
)

func leasesOf(t *testing.T, client kubernetes.Interface) []string {
	t.Helper()
	list, err := client.CoordinationV1().Leases("gatelodge").List(t.Context(), metav1.ListOptions{})
	kubetest.Must(t, err)
	var names []string
	for _, lease := range list.Items {
		names = append(names, lease.Name)
	}
	slices.Sort(names)
	return names
}

func TestReplicaIsThereWhileItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := fake.NewClientset()
		cluster := New(client, Config{Name: "gatelodge", Namespace: "gatelodge", Pod: "p", Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- cluster.Replica().Run(ctx) }()
		time.Sleep(10 * replicaTime)
		synctest.Wait()
		lease, err := client.CoordinationV1().Leases("gatelodge").Get(t.Context(), "gatelodge-replica-p", metav1.GetOptions{})
		kubetest.Must(t, err)
		if age := time.Since(lease.Spec.RenewTime.Time); age > replicaRenew || *lease.Spec.HolderIdentity != "p" {
			t.Errorf("renewed %v ago by %s", age, *lease.Spec.HolderIdentity)
		}
		if held := lease.Spec.RenewTime.Sub(lease.Spec.AcquireTime.Time); held < 9*replicaTime {
			t.Errorf("held for %v only", held)
		}
		stop()
		kubetest.Must(t, <-ended)
		if names := leasesOf(t, client); len(names) > 0 {
			t.Errorf("left behind: %v", names)
		}
	})
}

func TestLeasesOfReplicasLongGoneAreSweptUp(t *testing.T) {
	now := time.Now()
	client := fake.NewClientset()
	for name, test := range map[string]struct {
		instance string
		age      time.Duration
	}{
		"gatelodge-replica-old": {"gatelodge", time.Hour},
		"gatelodge-replica-new": {"gatelodge", staleTime / 2},
		"other-replica-old":     {"other", time.Hour},
	} {
		renewed := metav1.NewMicroTime(now.Add(-test.age))
		meta := New(nil, Config{Name: test.instance, Namespace: "gatelodge"}).meta("", replicaRole)
		meta.Name = name
		_, err := client.CoordinationV1().Leases("gatelodge").Create(t.Context(),
			&coordinationv1.Lease{ObjectMeta: meta, Spec: coordinationv1.LeaseSpec{RenewTime: &renewed}}, metav1.CreateOptions{})
		kubetest.Must(t, err)
	}
	cluster := New(client, Config{Name: "gatelodge", Namespace: "gatelodge", Pod: "p"})
	kubetest.Must(t, cluster.sweep(t.Context(), now))
	if names := leasesOf(t, client); !slices.Equal(names, []string{"gatelodge-replica-new", "other-replica-old"}) {
		t.Errorf("left are %v", names)
	}
}
