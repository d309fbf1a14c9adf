package cluster

import (
	"context"
	"net/netip"
	"time"

	"gatelodge.dev/kube/objects"
)

// leavingFeedKey names the ConfigMap NAME-leaving.
func (c *Cluster) leavingFeedKey() feedKey {
	return feedKey{kind: "ConfigMap", record: true, namespace: c.Cfg.Namespace, name: c.meta(objects.LeavingItem, itemRole).Name}
}

// readLeaving reads which addresses are about to go, if the record is there and ours.
func (w *Watch) readLeaving() objects.Leaving {
	object := w.record(w.cluster.leavingFeedKey())
	if !w.cluster.owns(object) {
		return nil
	}
	return objects.ReadLeaving(object.Data[objects.LeavingPart])
}

// PutLeaving writes the record into the ConfigMap NAME-leaving.
func (c *Cluster) PutLeaving(ctx context.Context, addresses []netip.Addr, until time.Time) error {
	err := objects.PutLeaving(ctx, c.Store(), addresses, until, time.Now())
	c.noteWrite(c.leavingFeedKey(), err)
	return err
}
