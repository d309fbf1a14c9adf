package guard

import (
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// remains is what vanished of late of the objects that Ingresses need: a
// namespace that is deleted takes its Services and Secrets along, in any order.
type remains struct {
	services   vanished[*corev1.Service]
	slices     vanished[*discoveryv1.EndpointSlice]
	secrets    vanished[*corev1.Secret]
	namespaces vanished[*corev1.Namespace]
	externals  map[gatelodge.Name]vanishedExternal
}

type vanishedExternal struct {
	at    time.Time
	known *objects.External
}

// vanished is objects of one kind that are not there any more.
type vanished[T objects.Object] struct{ list []vanishing[T] }

type vanishing[T objects.Object] struct {
	at       time.Time
	object   T
	origin   objects.Origin
	relisted bool // nobody deleted it: a whole list lacked it, and it was needed
}

// note compares the objects of one moment with those before. needed says what
// was needed then, and is asked only if a whole list lacked something. every
// tells that a list lacked an object that was needed, and all others.
func (r *remains) note(before, now *objects.Objects, at time.Time, needed func() *needs) (every bool) {
	lacked := func(uid types.UID, is func(n *needs) bool) bool {
		relisted, all := objects.Lacking(now.Relists, uid)
		if !relisted || !is(needed()) {
			return false
		}
		every = every || all
		return true
	}
	known := len(r.services.list)
	r.services.note(before.Services, now.Services, at, before.Origins, func(s *corev1.Service) bool {
		return lacked(s.UID, func(n *needs) bool { return n.services[objects.KeyOf(s)] })
	})
	for i := range r.services.list[known:] {
		gone := &r.services.list[known+i]
		plain := *gone.object // the names that it asks for depart by themselves
		plain.Annotations = nil
		gone.object = &plain
	}
	r.slices.note(before.Slices, now.Slices, at, before.Origins, func(s *discoveryv1.EndpointSlice) bool {
		return lacked(s.UID, func(n *needs) bool { return n.services[objects.ServiceOf(s)] })
	})
	r.secrets.note(before.Secrets, now.Secrets, at, before.Origins, func(s *corev1.Secret) bool {
		return lacked(s.UID, func(n *needs) bool { return n.secrets[objects.KeyOf(s)] })
	})
	r.namespaces.note(before.Namespaces, now.Namespaces, at, before.Origins, func(s *corev1.Namespace) bool {
		return lacked(s.UID, func(n *needs) bool { return n.namespaces[s.Name] })
	})
	r.noteExternals(before.Externals, now.Externals, at)
	return every
}

func (r *remains) noteExternals(before, now objects.Externals, at time.Time) {
	for name, change := range now.Changes(before) {
		if change.After == nil {
			if r.externals == nil {
				r.externals = make(map[gatelodge.Name]vanishedExternal)
			}
			r.externals[name] = vanishedExternal{at, change.Before}
		}
	}
}

func (v *vanished[T]) note(before, now objects.Table[T], at time.Time, origins objects.Origins, relisted func(T) bool) {
	for _, object := range objects.Deleted(before, now) {
		v.list = append(v.list, vanishing[T]{at, object, origins.Get(objects.UID(object.GetUID())), relisted(object)})
	}
}

func (r *remains) forgetBefore(since time.Time) {
	r.services.forgetBefore(since)
	r.slices.forgetBefore(since)
	r.secrets.forgetBefore(since)
	r.namespaces.forgetBefore(since)
	maps.DeleteFunc(r.externals, func(_ gatelodge.Name, gone vanishedExternal) bool { return gone.at.Before(since) })
}

func (v *vanished[T]) forgetBefore(since time.Time) {
	v.list = slices.DeleteFunc(v.list, func(gone vanishing[T]) bool { return gone.at.Before(since) })
}

// addTo puts back what is needed, and what whole lists lacked; of the latter it
// returns the names. What is there again, as whatever object, is not touched.
func (r *remains) addTo(o *objects.Objects, n *needs) (relisted []gatelodge.Object) {
	services := r.services.absent(o.Services, func(gone *vanishing[*corev1.Service]) bool {
		return gone.relisted || n.services[objects.KeyOf(gone.object)]
	})
	without := make(map[objects.Key]bool, len(services)) // Services that had slices and have none
	for _, gone := range services {
		without[objects.KeyOf(gone.object)] = true
	}
	for _, gone := range r.slices.list {
		without[objects.ServiceOf(gone.object)] = without[objects.ServiceOf(gone.object)] || gone.relisted
	}
	for _, slice := range o.Slices.All() {
		delete(without, objects.ServiceOf(slice))
	}
	endpoints := r.slices.absent(o.Slices, func(gone *vanishing[*discoveryv1.EndpointSlice]) bool { return without[objects.ServiceOf(gone.object)] })
	secrets := r.secrets.absent(o.Secrets, func(gone *vanishing[*corev1.Secret]) bool {
		return gone.relisted || n.secrets[objects.KeyOf(gone.object)]
	})
	namespaces := r.namespaces.absent(o.Namespaces, func(gone *vanishing[*corev1.Namespace]) bool {
		return gone.relisted || n.namespaces[gone.object.Name]
	})
	o.Services = putBack(o, o.Services, services, "Service", &relisted)
	o.Slices = putBack(o, o.Slices, endpoints, "EndpointSlice", &relisted)
	o.Secrets = putBack(o, o.Secrets, secrets, "Secret", &relisted)
	o.Namespaces = putBack(o, o.Namespaces, namespaces, "Namespace", &relisted)
	for name, gone := range r.externals {
		if o.Externals.Get(name) == nil {
			o.Externals = o.Externals.With(name, gone.known)
		}
	}
	return relisted
}

// absent returns those that are wanted and of whose name there is nothing now;
// of several of a name, that which vanished last.
func (v *vanished[T]) absent(now objects.Table[T], wanted func(*vanishing[T]) bool) (absent []vanishing[T]) {
	var none T
	gone := make(map[objects.Key]bool)
	for i := range v.list {
		if key := objects.KeyOf(v.list[i].object); wanted(&v.list[i]) && now.Get(key) == none {
			gone[key] = true
		}
	}
	for _, last := range slices.Backward(v.list) {
		if key := objects.KeyOf(last.object); gone[key] {
			delete(gone, key)
			absent = append(absent, last)
		}
	}
	return absent
}

// putBack returns the table with what is gone.
func putBack[T objects.Object](o *objects.Objects, table objects.Table[T], gone []vanishing[T], kind string, relisted *[]gatelodge.Object) objects.Table[T] {
	for _, one := range gone {
		table = objects.WithObjects(table, one.object)
		o.Origins = o.Origins.With(objects.UID(one.object.GetUID()), one.origin)
		if one.relisted {
			*relisted = append(*relisted, gatelodge.Object{
				Kind: kind, Namespace: one.object.GetNamespace(), Name: one.object.GetName(), UID: string(one.object.GetUID()),
			})
		}
	}
	return table
}
