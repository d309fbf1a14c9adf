package kube

import (
	"context"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// The times of the replicas' Leases. A replica that is gone without a word is
// counted for replicaTime, and what is left of it is swept up after staleTime.
const (
	replicaTime  = 30 * time.Second
	replicaRenew = 10 * time.Second
	staleTime    = 10 * time.Minute
)

const replicaRole = "replica"

// Replica tells the others that this replica is there, by the Lease
// NAME-replica-POD.
type Replica struct{ cluster *Cluster }

// Replica returns this replica's own Lease.
func (c *Cluster) Replica() *Replica { return &Replica{c} }

// Run holds the Lease until ctx ends, and then deletes it.
func (r *Replica) Run(ctx context.Context) error {
	c := r.cluster
	leases := c.client.CoordinationV1().Leases(c.cfg.Namespace)
	name := c.meta(replicaRole+"-"+c.cfg.Pod, "").Name
	tick := time.NewTicker(replicaRenew)
	defer tick.Stop()
	for {
		c.faults.note("renew Lease "+c.cfg.Namespace+"/"+name, r.renew(ctx))
		select {
		case <-tick.C:
		case <-ctx.Done():
			leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			if err := leases.Delete(leaving, name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
				c.cfg.Log.Warn("the Lease of this replica stays until it runs out", "lease", name, "error", err)
			}
			return nil
		}
	}
}

func (r *Replica) renew(ctx context.Context) error {
	c := r.cluster
	leases := c.client.CoordinationV1().Leases(c.cfg.Namespace)
	now := metav1.NowMicro()
	want := &coordinationv1.Lease{
		ObjectMeta: c.meta(replicaRole+"-"+c.cfg.Pod, replicaRole),
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity:       ptr.To(c.cfg.Pod),
			LeaseDurationSeconds: ptr.To(int32(replicaTime / time.Second)),
			AcquireTime:          &now,
			RenewTime:            &now,
		},
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
	lease.Labels, lease.Spec = want.Labels, want.Spec
	_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
	return err
}

// SweepReplicas deletes the Leases of replicas that are long gone, now and
// then, until ctx ends. It is the leader's.
func (c *Cluster) SweepReplicas(ctx context.Context) {
	tick := time.NewTicker(staleTime)
	defer tick.Stop()
	for {
		c.faults.note("sweep up Leases in namespace "+c.cfg.Namespace, c.sweep(ctx, time.Now()))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (c *Cluster) sweep(ctx context.Context, now time.Time) error {
	leases := c.client.CoordinationV1().Leases(c.cfg.Namespace)
	list, err := leases.List(ctx, metav1.ListOptions{
		LabelSelector: instanceLabel + "=" + c.cfg.Name + "," + roleLabel + "=" + replicaRole,
	})
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
