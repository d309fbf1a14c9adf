package cluster

import (
	"cmp"
	"context"
	"fmt"
	"slices"
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
// own: Build wants a list whose order and pointers stay, and a list anew after
// a lost watch has to be told from single changes. It also gives the back-off a
// limit that suits a gateway.
type feed struct {
	key     feedKey
	trim    cache.TransformFunc
	changed func()
	missing func() // called when the resource is not found
	stop    context.CancelFunc

	mu      sync.Mutex
	objects []metav1.Object // sorted by namespace and name
	lent    bool            // objects was handed out, so it must not be written any more
	relist  *objects.Relist // what the last whole list lacked; nil: nothing
	synced  bool            // a whole list was seen
	settled bool            // synced, or there is nothing to wait for
}

// startFeed lists and watches until ctx ends or stop is called. changed is
// called, from any goroutine, after each change.
func startFeed(ctx context.Context, c *Cluster, key feedKey, changed, missing func()) *feed {
	ctx, stop := context.WithCancel(ctx)
	f := &feed{key: key, trim: trim(c.FieldManager()), changed: changed, missing: missing, stop: stop}
	lw := key.listWatch(c, func(err error) { f.noted(c.Faults, err) })
	reflector := cache.NewReflectorWithOptions(lw, key.kind.example(), f, cache.ReflectorOptions{
		Name:    "gatelodge",
		Backoff: watchBackoff(),
	})
	go reflector.RunWithContext(ctx)
	return f
}

// watchBackoff says how long failed attempts to watch wait. A gateway has a
// handful of watches, and a minute without changes hurts more than a request
// every few seconds.
func watchBackoff() *wait.Backoff {
	return &wait.Backoff{Duration: 100 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 10, Cap: 5 * time.Second}
}

// noted takes in the outcome of a request. A single object, or a resource that
// not every cluster has, keeps nothing else from being served if it may not be
// read.
func (f *feed) noted(faults *faults, err error) {
	faults.Note("watch "+f.key.String(), err)
	if apierrors.IsNotFound(err) {
		f.missing()
	}
	optional := f.key.kind == dnsEndpointFeed && (apierrors.IsForbidden(err) || apierrors.IsNotFound(err))
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

// list returns the objects, sorted by namespace and name, and what the last
// whole list lacked of those before.
func (f *feed) list() ([]metav1.Object, *objects.Relist) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lent = true
	return f.objects, f.relist
}

func (f *feed) isSettled() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.settled
}

func (f *feed) search(namespace, name string) (int, bool) {
	return searchObject(f.objects, namespace, name)
}

// searchObject finds an object, or its place, in a list that is sorted by
// namespace and name.
func searchObject(list []metav1.Object, namespace, name string) (int, bool) {
	return slices.BinarySearchFunc(list, struct{}{}, func(o metav1.Object, _ struct{}) int {
		return cmp.Or(cmp.Compare(o.GetNamespace(), namespace), cmp.Compare(o.GetName(), name))
	})
}

// own makes objects safe to write.
func (f *feed) own() {
	if f.lent {
		f.objects, f.lent = slices.Clone(f.objects), false
	}
}

// prepare trims an object that the Reflector brings.
func (f *feed) prepare(item any) (metav1.Object, error) {
	trimmed, err := f.trim(item)
	if err != nil {
		return nil, err
	}
	object, ok := trimmed.(metav1.Object)
	if !ok {
		return nil, fmt.Errorf("watch %s: got a %T", f.key, item)
	}
	return object, nil
}

// Add implements cache.ReflectorStore.
func (f *feed) Add(item any) error {
	object, err := f.prepare(item)
	if err != nil {
		return err
	}
	f.mu.Lock()
	i, found := f.search(object.GetNamespace(), object.GetName())
	news := !found || !sameVersion(f.objects[i], object)
	if news {
		f.own()
		if found {
			f.objects[i] = object
		} else {
			f.objects = slices.Insert(f.objects, i, object)
		}
	}
	f.mu.Unlock()
	if news {
		f.changed()
	}
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
	f.mu.Lock()
	i, found := f.search(object.GetNamespace(), object.GetName())
	if found {
		f.own()
		f.objects = slices.Delete(f.objects, i, i+1)
	}
	f.mu.Unlock()
	if found {
		f.changed()
	}
	return nil
}

// Replace implements cache.ReflectorStore: it takes over a whole list, the
// first one or that after a watch was lost. What did not change keeps its
// pointer.
func (f *feed) Replace(items []any, _ string) error {
	objs := make([]metav1.Object, 0, len(items))
	for _, item := range items {
		object, err := f.prepare(item)
		if err != nil {
			return err
		}
		objs = append(objs, object)
	}
	slices.SortFunc(objs, func(a, b metav1.Object) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
	f.mu.Lock()
	for i, object := range objs {
		if j, found := f.search(object.GetNamespace(), object.GetName()); found && sameVersion(f.objects[j], object) {
			objs[i] = f.objects[j]
		}
	}
	news := !f.synced || !slices.Equal(f.objects, objs)
	if news {
		f.relist = relistOf(f.key.kind, f.objects, objs)
		if f.relist != nil && f.key.name != "" {
			f.relist.Every = false // it never was the list of a kind
		}
	}
	f.objects, f.lent = objs, false
	f.synced, f.settled = true, true
	f.mu.Unlock()
	if news {
		f.changed()
	}
	return nil
}

func sameVersion(a, b metav1.Object) bool {
	return a.GetUID() == b.GetUID() && a.GetResourceVersion() == b.GetResourceVersion()
}

// Resync implements cache.ReflectorStore; there is nobody to remind.
func (f *feed) Resync() error { return nil }

// Transformer implements cache.TransformingStore, so that objects are trimmed
// while a long list is still being received.
func (f *feed) Transformer() cache.TransformFunc { return f.trim }

func relistOf(kind feedKind, before, now []metav1.Object) *objects.Relist {
	row := objects.KindOf([...]string{"Ingress", "IngressClass", "Service", "EndpointSlice", "Secret", "Secret", "Namespace", objects.StoredKind, "DNSEndpoint", "ConfigMap"}[kind])
	var lists [2]objects.Objects
	for i, list := range [][]metav1.Object{before, now} {
		edit := row.Edit(&lists[i])
		for _, object := range list {
			edit.Set(objects.KeyOf(object), object)
		}
		edit.Done()
	}
	return objects.NewRelist(row, &lists[0], &lists[1])
}
