package cluster

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"gatelodge.dev/kube/objects"
)

// claimsFeedKey names the ConfigMap NAME-claims.
func (c *Cluster) claimsFeedKey() feedKey {
	return feedKey{kind: "ConfigMap", record: true, namespace: c.Cfg.Namespace, name: c.meta(objects.ClaimsItem, itemRole).Name}
}

// claimsRecord is the content of the ConfigMap at the last read.
type claimsRecord struct {
	object   *corev1.ConfigMap
	holdings objects.Holdings
}

// readClaims reads the record of the owners of names, if it exists and is this
// gateway's.
func (w *Watch) readClaims() objects.Holdings {
	object := w.record(w.cluster.claimsFeedKey())
	switch {
	case !w.cluster.owns(object):
		w.claims = claimsRecord{}
	case object != w.claims.object:
		w.claims = claimsRecord{object, objects.ReadClaims(object.Data[objects.ClaimsPart], w.claims.holdings)}
	}
	return w.claims.holdings
}

// PutClaims writes the record into the ConfigMap NAME-claims.
func (c *Cluster) PutClaims(ctx context.Context, h objects.Holdings) error {
	err := objects.PutClaims(ctx, c.Store(), h)
	c.noteWrite(c.claimsFeedKey(), err)
	return err
}
