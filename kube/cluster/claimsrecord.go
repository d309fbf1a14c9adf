package cluster

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"gatelodge.dev/kube/objects"
)

// claimsFeedKey names the ConfigMap NAME-claims.
func (c *Cluster) claimsFeedKey() feedKey {
	return feedKey{kind: configMapFeed, namespace: c.Cfg.Namespace, name: c.meta(objects.ClaimsItem, itemRole).Name}
}

// claimsRecord is what was read of the ConfigMap last.
type claimsRecord struct {
	object   *corev1.ConfigMap
	holdings objects.Holdings
}

// readClaims reads the record of who has which names, if it is there and ours.
func (w *Watch) readClaims(list []metav1.Object) objects.Holdings {
	for _, object := range list { // one at most
		configMap, ok := object.(*corev1.ConfigMap)
		if !ok || configMap.Labels[instanceLabel] != w.cluster.Cfg.Name {
			continue
		}
		if configMap != w.claims.object {
			w.claims = claimsRecord{configMap, objects.ReadClaims(configMap.Data[objects.ClaimsPart], w.claims.holdings)}
		}
		return w.claims.holdings
	}
	w.claims = claimsRecord{}
	return objects.Holdings{}
}

// PutClaims writes the record into the ConfigMap NAME-claims.
func (c *Cluster) PutClaims(ctx context.Context, h objects.Holdings) error {
	err := objects.PutClaims(ctx, c.Store(), h)
	c.Faults.Note("write ConfigMap "+c.claimsFeedKey().name+" in namespace "+c.Cfg.Namespace, err)
	return err
}
