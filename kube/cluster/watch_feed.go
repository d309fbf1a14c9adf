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

// feed is the objects of one list and watch, kept by a client-go Reflector.
//
// It is the Reflector's store itself, where an informer would keep a map of its
// own: Build wants a Table that says what changed, and a list anew after a lost
// watch has to be told from single changes. It also gives the back-off a limit
// that suits a gateway.
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
	synced  bool // a whole list was seen
	settled bool // synced, or there is nothing to wait for
}

// fed is what a feed has at one moment.
type fed struct {
	objects objects.Objects // of the one kind
	relist  *objects.Relist // what the last whole list lacked; nil: nothing
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

// watchBackoff says how long failed attempts to watch wait. A gateway has a
// handful of watches, and a minute without changes hurts more than a request
// every few seconds.
func watchBackoff() *wait.Backoff {
	return &wait.Backoff{Duration: 100 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 10, Cap: 5 * time.Second}
}

// noted takes in the outcome of a request. A single object, or a kind that is
// spare, keeps nothing else from being served if it may not be
// read.
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

// read returns what the feed has now.
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

// set makes the object of a key another one, nil for none. The same version of it
// keeps its pointer.
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

// Replace implements cache.ReflectorStore: it takes over a whole list, the
// first one or that after a watch was lost. What did not change keeps its
// pointer.
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
			relist.Every = false // it never was the list of a kind
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

// sameVersion reports whether two objects, nil for none, are one version of one.
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
			return item, err // what is not read is left out once the list is whole
		}
		return object, nil
	}
}
