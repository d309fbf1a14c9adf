package cluster

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/kubetest"
)

// TestChallengesAreServedEverywhere: who waits for the replicas waits for each
// that is there, for those without a word until their Lease runs out, and for
// no other gateway's.
func TestChallengesAreServedEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := fake.NewClientset()
		log := slog.New(slog.NewTextHandler(t.Output(), nil))
		replica := func(instance, pod string) (*Replica, context.CancelFunc) {
			r := New(client, Config{Name: instance, Namespace: "gatelodge", Pod: pod, Log: log}).Replica()
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- r.Run(ctx) }()
			return r, func() {
				stop()
				kubetest.Must(t, <-ended)
			}
		}
		leader, stopLeader := replica("gatelodge", "leader")
		other, stopOther := replica("gatelodge", "other")
		_, stopStranger := replica("stranger", "p")
		defer stopLeader()
		defer stopStranger()

		wait := func(limit time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			return leader.cluster.AwaitServed(ctx, func(version string) bool { return version == "2" })
		}
		serve := func(r *Replica, version string) {
			r.Served(&gatelodge.Snapshot{ChallengesVersion: version})
			synctest.Wait()
		}
		serve(leader, "2")
		if err := wait(time.Minute); err == nil || !strings.Contains(err.Error(), "gatelodge-replica-other") || strings.Contains(err.Error(), "leader") {
			t.Errorf("one replica has not said what it serves, and the wait ends with: %v", err)
		}
		serve(other, "1")
		if err := wait(time.Minute); err == nil {
			t.Error("one replica serves an older version, and is not waited for")
		}
		serve(other, "2")
		kubetest.Must(t, wait(time.Second))

		// A replica that draws its last breath says nothing any more.
		serve(other, "1")
		dead, err := client.CoordinationV1().Leases("gatelodge").Get(t.Context(), "gatelodge-replica-other", metav1.GetOptions{})
		kubetest.Must(t, err)
		stopOther()
		dead.ResourceVersion = ""
		_, err = client.CoordinationV1().Leases("gatelodge").Create(t.Context(), dead, metav1.CreateOptions{})
		kubetest.Must(t, err)
		began := time.Now()
		kubetest.Must(t, wait(time.Minute))
		if waited := time.Since(began); waited < replicaTime-2*servedPoll || waited > replicaTime+2*servedPoll {
			t.Errorf("a replica that is gone was waited for %v, want %v", waited, replicaTime)
		}
	})
}
