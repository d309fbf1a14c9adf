package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/cache"

	"gatelodge.dev/kube/objects"
)

// feed contains the objects of one list and watch, maintained by a client-go Reflector.
//
// It is the Reflector's store itself, instead of an informer with its own map: Build
// needs a Table with its changes, and a new list after a lost watch must be
// distinguished from single changes. It also limits the back-off to a value that suits
// a gateway.
type feed struct {
	cluster *Cluster
	key     feedKey
	kind    *objects.Kind
	reading reading
	changed func()
	missing func() // called when the resource is not found
	stop    context.CancelFunc

	mu      sync.Mutex
	now     fed
	synced  bool // a complete list was received
	settled bool // synced, or there is nothing to wait for
}

// fed is the content of a feed at one time.
type fed struct {
	objects objects.Objects // of the one kind
	relist  *objects.Relist // what the last complete list lacked; nil: nothing
}

func newFeed(c *Cluster, key feedKey, changed, missing func()) *feed {
	return &feed{cluster: c, key: key, kind: objects.KindOf(key.kind), reading: readings()[key.kind], changed: changed, missing: missing}
}

// start lists and watches until ctx ends or stop is called. changed is called,
// from any goroutine, after each change.
func (f *feed) start(ctx context.Context) {
	ctx, f.stop = context.WithCancel(ctx)
	lw := f.reading.listWatch(f.cluster, f.key, func(err error) { f.noted(f.cluster.problems, err) })
	reflector := cache.NewReflectorWithOptions(lw, f.reading.example, f, cache.ReflectorOptions{
		Name:    "gatelodge",
		Backoff: watchBackoff(),
	})
	go reflector.RunWithContext(ctx)
}

// watchBackoff is the back-off of failed watches. A gateway has a handful of watches,
// and a minute without changes is worse than a request every few seconds.
func watchBackoff() *wait.Backoff {
	return &wait.Backoff{Duration: 100 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 10, Cap: 5 * time.Second}
}

// noted records the result of a request. A single object, or a spare kind, that can't
// be read does not prevent everything else from being served.
func (f *feed) noted(problems *problems, err error) {
	problems.note("watch "+f.key.String(), err)
	if apierrors.IsNotFound(err) {
		f.missing()
	}
	optional := f.reading.spare && (apierrors.IsForbidden(err) || apierrors.IsNotFound(err))
	if err == nil || f.key.name == "" && !optional {
		return
	}
	f.mu.Lock()
	news := !f.settled
	f.settled = true
	f.mu.Unlock()
	if news {
		f.changed()
	}
}

// read returns the current content of the feed.
func (f *feed) read() fed {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *feed) isSettled() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.settled
}

// Add implements cache.ReflectorStore.
func (f *feed) Add(item any) error {
	object, err := f.reading.trim(f.cluster, item)
	if err != nil {
		return fmt.Errorf("watch %s: %w", f.key, err)
	}
	if object == nil {
		return f.Delete(item)
	}
	f.set(objects.KeyOf(object), object)
	return nil
}

// Update implements cache.ReflectorStore.
func (f *feed) Update(item any) error { return f.Add(item) }

// Delete implements cache.ReflectorStore.
func (f *feed) Delete(item any) error {
	object, ok := item.(metav1.Object)
	if !ok {
		return fmt.Errorf("watch %s: got a %T", f.key, item)
	}
	f.set(objects.KeyOf(object), nil)
	return nil
}

// set replaces the object of a key; nil means none. The same version of it keeps its
// pointer.
func (f *feed) set(key objects.Key, object metav1.Object) {
	f.mu.Lock()
	edit := f.kind.Edit(&f.now.objects)
	news := !sameVersion(edit.Get(key), object)
	if news {
		edit.Set(key, object)
		edit.Done()
	}
	f.mu.Unlock()
	if news {
		f.changed()
	}
}

// Replace implements cache.ReflectorStore: it takes over a complete list, the first one
// or one after a lost watch. Unchanged objects keep their pointers.
func (f *feed) Replace(items []any, _ string) error {
	f.mu.Lock()
	before, now := f.now.objects, f.now.objects
	edit := f.kind.Edit(&now)
	there := make(map[objects.Key]bool, len(items))
	for _, item := range items {
		object, err := f.reading.trim(f.cluster, item)
		if err != nil {
			f.mu.Unlock()
			return fmt.Errorf("watch %s: %w", f.key, err)
		}
		if object == nil {
			continue
		}
		key := objects.KeyOf(object)
		there[key] = true
		if !sameVersion(edit.Get(key), object) {
			edit.Set(key, object)
		}
	}
	for key := range f.kind.All(&before) {
		if !there[key] {
			edit.Set(key, nil)
		}
	}
	edit.Done()
	news := !f.synced || !f.kind.Same(&before, &now)
	if news {
		relist := objects.NewRelist(f.kind, &before, &now)
		if relist != nil && f.key.name != "" {
			relist.Every = false // it was not the list of a kind
		}
		f.now = fed{now, relist}
	}
	f.synced, f.settled = true, true
	f.mu.Unlock()
	if news {
		f.changed()
	}
	return nil
}

// sameVersion reports whether two objects, nil for none, are the same version of one
// object.
func sameVersion(a, b metav1.Object) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.GetUID() == b.GetUID() && a.GetResourceVersion() == b.GetResourceVersion()
}

// Resync implements cache.ReflectorStore; there is nothing to remind of.
func (f *feed) Resync() error { return nil }

// Transformer implements cache.TransformingStore, so that objects are trimmed
// while a long list is still being received.
func (f *feed) Transformer() cache.TransformFunc {
	return func(item any) (any, error) {
		object, err := f.reading.trim(f.cluster, item)
		if err != nil || object == nil {
			return item, err // objects that are not read are removed when the list is complete
		}
		return object, nil
	}
}
