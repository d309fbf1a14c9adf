package guard

import (
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
type vanished[T kubeObject] struct{ list []vanishing[T] }

type kubeObject interface {
	comparable
	metav1.Object
}

type vanishing[T kubeObject] struct {
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
		return lacked(s.UID, func(n *needs) bool { return n.services[objects.NameOf(&s.ObjectMeta)] })
	})
	for i := range r.services.list[known:] {
		gone := &r.services.list[known+i]
		plain := *gone.object // the names that it asks for depart by themselves
		plain.Annotations = nil
		gone.object = &plain
	}
	r.slices.note(before.Slices, now.Slices, at, before.Origins, func(s *discoveryv1.EndpointSlice) bool {
		return lacked(s.UID, func(n *needs) bool { return n.services[types.NamespacedName(objects.ServiceOf(s))] })
	})
	r.secrets.note(before.Secrets, now.Secrets, at, before.Origins, func(s *corev1.Secret) bool {
		return lacked(s.UID, func(n *needs) bool { return n.secrets[objects.NameOf(&s.ObjectMeta)] })
	})
	r.namespaces.note(before.Namespaces, now.Namespaces, at, before.Origins, func(s *corev1.Namespace) bool {
		return lacked(s.UID, func(n *needs) bool { return n.namespaces[s.Name] })
	})
	r.noteExternals(before.Externals, now.Externals, at)
	return every
}

func (r *remains) noteExternals(before, now *objects.Externals, at time.Time) {
	if before == nil || before == now {
		return
	}
	for name, known := range before.ByName {
		if now == nil || now.ByName[name] == nil {
			if r.externals == nil {
				r.externals = make(map[gatelodge.Name]vanishedExternal)
			}
			r.externals[name] = vanishedExternal{at, known}
		}
	}
}

func (v *vanished[T]) note(before, now []T, at time.Time, origins map[types.UID]objects.Origin, relisted func(T) bool) {
	old, fresh := objects.Changed(before, now)
	there := make(map[types.UID]bool, len(fresh))
	for _, object := range fresh {
		there[object.GetUID()] = true
	}
	for _, object := range old {
		if !there[object.GetUID()] {
			v.list = append(v.list, vanishing[T]{at, object, origins[object.GetUID()], relisted(object)})
		}
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
		return gone.relisted || n.services[objects.NameOf(&gone.object.ObjectMeta)]
	})
	without := make(map[types.NamespacedName]bool, len(services)) // Services that had slices and have none
	for _, gone := range services {
		without[objects.NameOf(&gone.object.ObjectMeta)] = true
	}
	for _, gone := range r.slices.list {
		without[types.NamespacedName(objects.ServiceOf(gone.object))] = without[types.NamespacedName(objects.ServiceOf(gone.object))] || gone.relisted
	}
	for _, slice := range o.Slices {
		delete(without, types.NamespacedName(objects.ServiceOf(slice)))
	}
	endpoints := r.slices.absent(o.Slices, func(gone *vanishing[*discoveryv1.EndpointSlice]) bool {
		return without[types.NamespacedName(objects.ServiceOf(gone.object))]
	})
	secrets := r.secrets.absent(o.Secrets, func(gone *vanishing[*corev1.Secret]) bool {
		return gone.relisted || n.secrets[objects.NameOf(&gone.object.ObjectMeta)]
	})
	namespaces := r.namespaces.absent(o.Namespaces, func(gone *vanishing[*corev1.Namespace]) bool {
		return gone.relisted || n.namespaces[gone.object.Name]
	})
	o.Origins = maps.Clone(o.Origins) // nil stays nil
	o.Services = putBack(o, o.Services, services, "Service", &relisted)
	o.Slices = putBack(o, o.Slices, endpoints, "EndpointSlice", &relisted)
	o.Secrets = putBack(o, o.Secrets, secrets, "Secret", &relisted)
	o.Namespaces = putBack(o, o.Namespaces, namespaces, "Namespace", &relisted)
	if len(r.externals) > 0 {
		all := make(map[gatelodge.Name]*objects.External)
		for name, gone := range r.externals {
			all[name] = gone.known
		}
		if o.Externals != nil {
			maps.Copy(all, o.Externals.ByName)
		}
		o.Externals = &objects.Externals{ByName: all}
	}
	return relisted
}

// absent returns those that are wanted and of whose name there is nothing now;
// of several of a name, that which vanished last.
func (v *vanished[T]) absent(now []T, wanted func(*vanishing[T]) bool) (absent []vanishing[T]) {
	gone := make(map[types.NamespacedName]bool)
	for i := range v.list {
		if wanted(&v.list[i]) {
			gone[nameOfObject(v.list[i].object)] = true
		}
	}
	if len(gone) == 0 {
		return nil
	}
	for _, object := range now {
		delete(gone, nameOfObject(object))
	}
	for _, last := range slices.Backward(v.list) {
		if name := nameOfObject(last.object); gone[name] {
			delete(gone, name)
			absent = append(absent, last)
		}
	}
	return absent
}

func nameOfObject(o metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

// putBack returns a longer list; the one that it is given is shared.
func putBack[T kubeObject](o *objects.Objects, list []T, gone []vanishing[T], kind string, relisted *[]gatelodge.Object) []T {
	list = slices.Clip(list)
	for _, one := range gone {
		list = append(list, one.object)
		if o.Origins != nil {
			o.Origins[one.object.GetUID()] = one.origin
		}
		if one.relisted {
			*relisted = append(*relisted, gatelodge.Object{
				Kind: kind, Namespace: one.object.GetNamespace(), Name: one.object.GetName(), UID: string(one.object.GetUID()),
			})
		}
	}
	return list
}
