package cluster

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/utils/ptr"
)

// TestTheNextProcessLeads: at once, if the leader was the process before it in the
// same container, and otherwise when the Lease of one that is gone has run out.
func TestTheNextProcessLeads(t *testing.T) {
	for candidate, want := range map[string]time.Duration{"same": 0, "other": leaseTime} {
		synctest.Test(t, func(t *testing.T) {
			now := metav1.NowMicro()
			c := New(fake.NewClientset(&coordinationv1.Lease{
				ObjectMeta: metav1.ObjectMeta{Namespace: "gatelodge", Name: "gatelodge-leader"},
				Spec: coordinationv1.LeaseSpec{
					HolderIdentity: ptr.To("pod_same"), LeaseDurationSeconds: ptr.To(int32(leaseTime / time.Second)),
					AcquireTime: &now, RenewTime: &now,
				},
			}), Config{Name: "gatelodge", Namespace: "gatelodge", Pod: "pod", Candidate: candidate, Log: slog.New(slog.DiscardHandler)})
			ctx, cancel := context.WithCancel(t.Context())
			began := time.Now()
			if err := c.Election().Lead(ctx, func(context.Context) { cancel() }); err != nil {
				t.Fatal(err)
			}
			// A retry comes after 1 to 2.2 times retryTime, at random.
			if took := time.Since(began); took < want || took > want+3*retryTime {
				t.Errorf("candidate %q leads after %v, want %v", candidate, took, want)
			}
		})
	}
}
