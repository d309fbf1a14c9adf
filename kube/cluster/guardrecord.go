package cluster

import (
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// confirmAnnotation, on the ConfigMap NAME-guard, confirms a withdrawal by its
// hash, on all replicas.
const confirmAnnotation = intent.OwnPrefix + "confirm"

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
	return c.changeGuard(ctx, func(object *corev1.ConfigMap) { object.Data = r.Parts() })
}

// ConfirmGuard tells all replicas what is confirmed.
func (c *Cluster) ConfirmGuard(ctx context.Context, hash string) error {
	return c.changeGuard(ctx, func(object *corev1.ConfigMap) {
		object.Annotations = maps.Clone(object.Annotations)
		if object.Annotations == nil {
			object.Annotations = make(map[string]string)
		}
		object.Annotations[confirmAnnotation] = hash
	})
}

// changeGuard changes the ConfigMap, or makes it. What others wrote there
// stays.
func (c *Cluster) changeGuard(ctx context.Context, change func(*corev1.ConfigMap)) error {
	client := c.Client.CoreV1().ConfigMaps(c.Cfg.Namespace)
	attempt := func() error {
		object, err := client.Get(ctx, c.meta(objects.GuardItem, itemRole).Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			made := &corev1.ConfigMap{ObjectMeta: c.meta(objects.GuardItem, itemRole)}
			change(made)
			_, err = client.Create(ctx, made, metav1.CreateOptions{})
		case err == nil && object.Labels[instanceLabel] != c.Cfg.Name:
			err = fmt.Errorf("ConfigMap %s/%s is not this gateway's: its label %s is %q", object.Namespace, object.Name, instanceLabel, object.Labels[instanceLabel])
		case err == nil:
			object = object.DeepCopy()
			change(object)
			_, err = client.Update(ctx, object, metav1.UpdateOptions{})
		}
		return err
	}
	err := attempt()
	for tries := 1; tries < 5 && (apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err)); tries++ {
		err = attempt() // another replica was faster
	}
	c.Faults.Note("write ConfigMap "+c.guardFeedKey().name+" in namespace "+c.Cfg.Namespace, err)
	return err
}
