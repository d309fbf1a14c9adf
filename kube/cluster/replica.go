package cluster

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	gatelodge "gatelodge.dev"
)

// The times of the replicas' Leases. A replica that has disappeared is counted for
// replicaTime, and its Lease is deleted after staleTime.
const (
	replicaTime  = 30 * time.Second
	replicaRenew = 10 * time.Second
	staleTime    = 10 * time.Minute
)

const replicaRole = "replica"

// challengesAnnotation on the Lease of a replica is the resourceVersion of the
// challenges that it serves, "" for none.
const challengesAnnotation = "gatelodge.dev/challenges"

// Replica tells the other replicas that this one exists, and which challenges it
// serves, by the Lease NAME-replica-POD.
type Replica struct {
	cluster    *Cluster
	challenges atomic.Pointer[string] // the version that is served; nil: nothing is yet
	wake       gatelodge.Signal       // served has changed
}

// Replica returns this replica's own Lease.
func (c *Cluster) Replica() *Replica { return &Replica{cluster: c, wake: gatelodge.NewSignal()} }

// Served records a live Snapshot.
func (r *Replica) Served(snapshot *gatelodge.Snapshot) {
	version := snapshot.ChallengesVersion
	if before := r.challenges.Swap(&version); before == nil || *before != version {
		r.wake.Raise()
	}
}

// Run holds the Lease until ctx ends, and then deletes it.
func (r *Replica) Run(ctx context.Context) error {
	c := r.cluster
	leases := c.Client.CoordinationV1().Leases(c.Cfg.Namespace)
	name := c.meta(replicaRole+"-"+c.Cfg.Pod, "").Name
	for {
		err := r.renew(ctx)
		c.problems.note("renew Lease "+c.Cfg.Namespace+"/"+name, err)
		again := replicaRenew
		if err != nil {
			again = retryTime
		}
		select {
		case <-time.After(again):
		case <-r.wake:
		case <-ctx.Done():
			leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			if err := leases.Delete(leaving, name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
				c.Cfg.Log.Warn("can't delete the Lease of this replica; it expires by itself", "lease", name, "error", err)
			}
			return nil
		}
	}
}

func (r *Replica) renew(ctx context.Context) error {
	c := r.cluster
	leases := c.Client.CoordinationV1().Leases(c.Cfg.Namespace)
	now := metav1.NowMicro()
	want := &coordinationv1.Lease{
		ObjectMeta: c.meta(replicaRole+"-"+c.Cfg.Pod, replicaRole),
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity:       ptr.To(c.Cfg.Pod),
			LeaseDurationSeconds: ptr.To(int32(replicaTime / time.Second)),
			AcquireTime:          &now,
			RenewTime:            &now,
		},
	}
	if served := r.challenges.Load(); served != nil {
		want.Annotations = map[string]string{challengesAnnotation: *served}
	}
	lease, err := leases.Get(ctx, want.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		_, err = leases.Create(ctx, want, metav1.CreateOptions{})
		return err
	case err != nil:
		return err
	}
	lease = lease.DeepCopy()
	want.Spec.AcquireTime = lease.Spec.AcquireTime
	lease.Labels, lease.Annotations, lease.Spec = want.Labels, want.Annotations, want.Spec
	_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
	return err
}

// SweepReplicas deletes the Leases of replicas that disappeared long ago, from time to
// time, until ctx ends. The leader calls it.
func (c *Cluster) SweepReplicas(ctx context.Context) {
	tick := time.NewTicker(staleTime)
	defer tick.Stop()
	for {
		c.problems.note("sweep up Leases in namespace "+c.Cfg.Namespace, c.sweep(ctx, time.Now()))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// replicas lists the Leases of all replicas of the instance.
func (c *Cluster) replicas(ctx context.Context) (*coordinationv1.LeaseList, error) {
	return c.Client.CoordinationV1().Leases(c.Cfg.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: instanceLabel + "=" + c.Cfg.Name + "," + roleLabel + "=" + replicaRole,
	})
}

func (c *Cluster) sweep(ctx context.Context, now time.Time) error {
	leases := c.Client.CoordinationV1().Leases(c.Cfg.Namespace)
	list, err := c.replicas(ctx)
	if err != nil {
		return err
	}
	for i := range list.Items {
		lease := &list.Items[i]
		if renewed := lease.Spec.RenewTime; renewed != nil && now.Sub(renewed.Time) < staleTime {
			continue
		}
		// It must not be deleted if it was renewed meanwhile.
		unchanged := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &lease.UID, ResourceVersion: &lease.ResourceVersion}}
		if err := leases.Delete(ctx, lease.Name, unchanged); err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return fmt.Errorf("delete Lease %s: %w", lease.Name, err)
		}
	}
	return nil
}
