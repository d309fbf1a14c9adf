package cluster

import (
	"context"
	"fmt"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"

	"gatelodge.dev/kube/objects"
)

// Watch implements gatelodge.Store. changed is called by one goroutine at a
// time.
func (s *Store) Watch(ctx context.Context, prefix string, changed func(name string)) error {
	c := s.cluster
	ctx = quietly(ctx, c.Cfg.Log)
	var one sync.Mutex
	var watching sync.WaitGroup
	watch := func(what string, public bool, lw func(func(error)) *cache.ListWatch, example runtime.Object) {
		names := &itemNames{
			instance: c.Cfg.Name + "-", prefix: prefix, public: public,
			versions: make(map[string]string),
			changed: func(name string) {
				one.Lock()
				defer one.Unlock()
				changed(name)
			},
		}
		noted := func(err error) { c.problems.note("watch "+what+" in namespace "+c.Cfg.Namespace, err) }
		reflector := cache.NewReflectorWithOptions(cache.ToListWatcherWithWatchListSemantics(lw(noted), c.Client), example, names,
			cache.ReflectorOptions{Name: "gatelodge", Backoff: watchBackoff()})
		watching.Go(func() { reflector.RunWithContext(ctx) })
	}
	selection := metav1.ListOptions{LabelSelector: c.itemLabels()}
	if mayBePublic(prefix) {
		watch("configmaps", true, func(noted func(error)) *cache.ListWatch {
			return newListWatch(c.Client.CoreV1().ConfigMaps(c.Cfg.Namespace), selection, noted)
		}, &corev1.ConfigMap{})
	}
	if !isPublic(prefix) {
		watch("own secrets", false, func(noted func(error)) *cache.ListWatch {
			return newListWatch(c.Client.CoreV1().Secrets(c.Cfg.Namespace), selection, noted)
		}, &corev1.Secret{})
	}
	watching.Wait()
	return nil
}

// mayBePublic reports whether a public item can have a name with the prefix.
func mayBePublic(prefix string) bool {
	return isPublic(prefix) || strings.HasPrefix(objects.GuardItem, prefix) || strings.HasPrefix(objects.ClaimsItem, prefix) || strings.HasPrefix("zone-", prefix)
}

// itemNames is the store of a Reflector that keeps only the versions of items, and
// reports their names when these change.
type itemNames struct {
	instance, prefix string
	public           bool // the kind of the objects
	versions         map[string]string
	changed          func(name string)
}

// itemName returns the name of the item in an object, if it is one to report.
func (n *itemNames) itemName(object metav1.Object) (name string, ok bool) {
	name, ok = strings.CutPrefix(object.GetName(), n.instance)
	return name, ok && strings.HasPrefix(name, n.prefix) && isPublic(name) == n.public
}

// Add implements cache.ReflectorStore.
func (n *itemNames) Add(item any) error {
	object, ok := item.(metav1.Object)
	if !ok {
		return fmt.Errorf("watch items: got a %T", item)
	}
	if name, ok := n.itemName(object); ok && n.versions[name] != object.GetResourceVersion() {
		n.versions[name] = object.GetResourceVersion()
		n.changed(name)
	}
	return nil
}

// Update implements cache.ReflectorStore.
func (n *itemNames) Update(item any) error { return n.Add(item) }

// Delete implements cache.ReflectorStore.
func (n *itemNames) Delete(item any) error {
	object, ok := item.(metav1.Object)
	if !ok {
		return fmt.Errorf("watch items: got a %T", item)
	}
	if name, ok := n.itemName(object); ok {
		delete(n.versions, name)
		n.changed(name)
	}
	return nil
}

// Replace implements cache.ReflectorStore.
func (n *itemNames) Replace(items []any, _ string) error {
	there := make(map[string]bool, len(items))
	for _, item := range items {
		if object, ok := item.(metav1.Object); ok {
			if name, ok := n.itemName(object); ok {
				there[name] = true
			}
		}
		if err := n.Add(item); err != nil {
			return err
		}
	}
	for name := range n.versions {
		if !there[name] {
			delete(n.versions, name)
			n.changed(name)
		}
	}
	return nil
}

// Resync implements cache.ReflectorStore; it does nothing.
func (n *itemNames) Resync() error { return nil }
