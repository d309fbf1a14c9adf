package guard

import (
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// deletedObjects contains the recently deleted objects that others need: a deleted
// namespace loses its Services, Secrets and ConfigMaps too, in any order.
type deletedObjects struct {
	list      []*deletedObject // the latest last
	externals map[gatelodge.Name]deletedExternal
}

type deletedObject struct {
	at       time.Time
	kind     *objects.Kind
	object   metav1.Object
	origin   objects.Origin
	needed   need
	relisted bool // no watch reported its deletion: a complete list lacked it, and it was needed
}

type deletedExternal struct {
	at    time.Time
	known *objects.External
}

// note compares the objects with the previous ones. needed returns what was needed
// then, and is called only if a complete list lacked something. every reports that a
// list lacked a needed object and all others.
func (d *deletedObjects) note(before, now *objects.Objects, at time.Time, needed func() needs) (every bool) {
	for _, kind := range objects.Kinds() {
		if !isNeeded(kind) {
			continue
		}
		for _, object := range kind.Deleted(before, now) {
			one := &deletedObject{at: at, kind: kind, object: object, origin: before.Origins.Get(objects.UID(object.GetUID())), needed: needOf(kind, object)}
			if service, ok := object.(*corev1.Service); ok {
				plain := *service // the names that it asks for are departures of their own
				plain.Annotations = nil
				one.object = &plain
			}
			if relisted, all := objects.Lacking(now.Relists, object.GetUID()); relisted && needed()[one.needed] {
				one.relisted, every = true, every || all
			}
			d.list = append(d.list, one)
		}
	}
	for name, change := range now.Externals.Changes(before.Externals) {
		if change.After == nil {
			if d.externals == nil {
				d.externals = make(map[gatelodge.Name]deletedExternal)
			}
			d.externals[name] = deletedExternal{at, change.Before}
		}
	}
	return every
}

func (d *deletedObjects) forgetBefore(since time.Time) {
	d.list = slices.DeleteFunc(d.list, func(one *deletedObject) bool { return one.at.Before(since) })
	maps.DeleteFunc(d.externals, func(_ gatelodge.Name, one deletedExternal) bool { return one.at.Before(since) })
}

// addTo restores what is needed, and what complete lists lacked; it returns the names
// of the latter. Objects that exist again, in any form, are not changed.
func (d *deletedObjects) addTo(o *objects.Objects, n needs) (relisted []gatelodge.Object) {
	known := *o
	for name, one := range d.externals {
		if o.Externals.Get(name) == nil {
			o.Externals = o.Externals.With(name, one.known)
		}
	}
	endpoints := d.withoutEndpoints(&known, n)
	origins := o.Origins.Edit()
	for _, kind := range objects.Kinds() {
		edit := kind.Edit(o)
		for _, one := range slices.Backward(d.list) { // of several with one name the last is used
			key := objects.KeyOf(one.object)
			wanted := one.relisted || n[one.needed]
			if _, ok := one.object.(*discoveryv1.EndpointSlice); ok {
				wanted = endpoints[one.needed.key]
			}
			if one.kind != kind || !wanted || edit.Get(key) != nil {
				continue
			}
			edit.Set(key, one.object)
			origins.Set(objects.UID(one.object.GetUID()), one.origin)
			if one.relisted {
				relisted = append(relisted, gatelodge.Object{Kind: kind.Name, Namespace: key.Namespace, Name: key.Name, UID: string(one.object.GetUID())})
			}
		}
		edit.Done()
	}
	o.Origins = origins.Map()
	return relisted
}

// withoutEndpoints returns the Services that get their EndpointSlices back: those that
// are restored themselves, and those whose slices a list lacked, unless there are
// slices of them now.
func (d *deletedObjects) withoutEndpoints(now *objects.Objects, n needs) map[objects.Key]bool {
	services := make(map[objects.Key]bool)
	for _, one := range d.list {
		switch key := one.needed.key; one.object.(type) {
		case *corev1.Service:
			if (one.relisted || n[one.needed]) && now.Services.Get(key) == nil {
				services[key] = true
			}
		case *discoveryv1.EndpointSlice:
			if one.relisted {
				services[key] = true
			}
		}
	}
	namespaces := make(map[string]bool)
	for service := range services {
		namespaces[service.Namespace] = true
	}
	for namespace := range namespaces {
		for key, slice := range now.Slices.From(objects.Key{Namespace: namespace}) {
			if key.Namespace != namespace {
				break
			}
			delete(services, objects.ServiceOf(slice))
		}
	}
	return services
}
