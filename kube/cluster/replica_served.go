package cluster

import (
	"context"
	"fmt"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
)

// servedPoll is the interval for checking the Leases while a caller waits.
const servedPoll = 500 * time.Millisecond

// AwaitServed waits until served returns true for the version of the challenges that
// each replica serves, by its Lease, or until ctx ends. An expired Lease is of a
// replica that no longer serves.
func (c *Cluster) AwaitServed(ctx context.Context, served func(version string) bool) error {
	tick := time.NewTicker(servedPoll)
	defer tick.Stop()
	for {
		behind, err := c.behind(ctx, served)
		if err == nil && len(behind) == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if err != nil {
				return fmt.Errorf("list the Leases of replicas: %w", err)
			}
			return fmt.Errorf("replicas %s do not say that they serve it", strings.Join(behind, ", "))
		}
	}
}

// behind names the replicas for which served does not hold.
func (c *Cluster) behind(ctx context.Context, served func(version string) bool) ([]string, error) {
	list, err := c.replicas(ctx)
	if err != nil {
		return nil, err
	}
	var behind []string
	for i := range list.Items {
		lease := &list.Items[i]
		version, tells := lease.Annotations[challengesAnnotation]
		if !isOver(lease, time.Now()) && !(tells && served(version)) {
			behind = append(behind, lease.Name)
		}
	}
	return behind, nil
}

// isOver reports whether a Lease has expired.
func isOver(lease *coordinationv1.Lease, now time.Time) bool {
	spec := &lease.Spec
	if spec.RenewTime == nil || spec.LeaseDurationSeconds == nil {
		return true
	}
	return now.After(spec.RenewTime.Add(time.Duration(*spec.LeaseDurationSeconds) * time.Second))
}
