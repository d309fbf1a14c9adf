package cluster

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/objects"
)

// confirmAnnotation, on the ConfigMap NAME-guard, confirms a withdrawal by its
// hash, on all replicas.
const confirmAnnotation = annotations.OwnPrefix + "confirm"

// guardFeedKey names the ConfigMap NAME-guard.
func (c *Cluster) guardFeedKey() feedKey {
	return feedKey{kind: "ConfigMap", record: true, namespace: c.Cfg.Namespace, name: c.meta(objects.GuardItem, itemRole).Name}
}

// recordOf reads the ConfigMap, which may be nil or another's; then it returns nil.
func (c *Cluster) recordOf(object *corev1.ConfigMap) *objects.GuardRecord {
	if !c.owns(object) {
		return nil
	}
	return objects.ReadGuardRecord(object.Data, object.Annotations[confirmAnnotation])
}

// PutGuardRecord writes the record into the ConfigMap NAME-guard.
func (c *Cluster) PutGuardRecord(ctx context.Context, r objects.GuardRecord) error {
	err := objects.PutGuardRecord(ctx, c.Store(), r)
	c.noteWrite(c.guardFeedKey(), err)
	return err
}

// ConfirmGuard writes the confirmation for all replicas.
func (c *Cluster) ConfirmGuard(ctx context.Context, hash string) error {
	err := objects.Retried(func() error { return c.Store().annotate(ctx, objects.GuardItem, confirmAnnotation, hash) })
	c.noteWrite(c.guardFeedKey(), err)
	return err
}

// noteWrite records the result of writing a ConfigMap of the gateway.
func (c *Cluster) noteWrite(key feedKey, err error) {
	c.problems.note("write ConfigMap "+key.name+" in namespace "+key.namespace, err)
}
