package state

import (
	"fmt"
	"iter"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/objects"
)

// maxExternalNames bounds the names of a namespace that are looked up, because the
// authors of its Services decide on their number.
const maxExternalNames = 100

// wantedNames is the names of the ExternalName Services that an Ingress, or the
// configuration, has as a backend. A change costs what changed.
type wantedNames struct {
	cfg       *objects.Config
	services  objects.Table[*corev1.Service]
	ingresses objects.Table[*networkingv1.Ingress] // of which uses is; empty while no Service has a name

	external objects.Table[*externalName]
	uses     follow.Index[objects.Key, objects.Key] // the Ingresses that have a Service as a backend

	names    map[gatelodge.Name]bool
	problems []gatelodge.Problem // of namespaces with more names than are looked up
}

// externalName is the name of a Service. It has an address of its own, so that a
// Table can hold it.
type externalName struct{ name gatelodge.Name }

// after returns what later objects and another configuration want, w itself if
// that is the same.
func (w *wantedNames) after(objs *objects.Objects, cfg *objects.Config) *wantedNames {
	if w.cfg == cfg && w.services == objs.Services && (w.ingresses == objs.Ingresses || w.external.Len() == 0) {
		return w
	}
	if w.cfg != cfg {
		w = &wantedNames{}
	}
	next := &wantedNames{cfg: cfg, services: objs.Services, names: w.names, problems: w.problems}
	external := w.external.Edit()
	for key, change := range objs.Services.Changes(w.services) {
		before, name := external.Get(key), objects.ExternalName(change.After)
		switch {
		case name == "" || cfg.RefuseExternalNames:
			external.Set(key, nil)
		case before == nil || before.name != name:
			external.Set(key, &externalName{name})
		}
	}
	if next.external = external.Map(); next.external.Len() > 0 {
		next.ingresses = objs.Ingresses
		uses := w.uses.Edit()
		for key, change := range objs.Ingresses.Changes(w.ingresses) {
			for service := range servicesOf(change.Before) {
				uses.Set(follow.PairOf(objects.Key{Namespace: key.Namespace, Name: service}, key), false)
			}
			for service := range servicesOf(change.After) {
				uses.Set(follow.PairOf(objects.Key{Namespace: key.Namespace, Name: service}, key), true)
			}
		}
		next.uses = uses.Map()
	}
	if w.cfg == nil || next.external != w.external || next.uses != w.uses {
		next.names, next.problems = next.list()
	}
	return next
}

// list lists the names, and what is wrong where there are too many.
func (w *wantedNames) list() (names map[gatelodge.Name]bool, problems []gatelodge.Problem) {
	names = make(map[gatelodge.Name]bool)
	count := make(map[string]int)
	for service, external := range w.external.All() {
		if !w.isUsed(service) {
			continue
		}
		count[service.Namespace]++
		switch n := count[service.Namespace]; {
		case n <= maxExternalNames:
			names[external.name] = true
		case n == maxExternalNames+1:
			problems = append(problems, gatelodge.Problem{
				Object: gatelodge.Object{Kind: "Namespace", Name: service.Namespace},
				Reason: gatelodge.SourceFailed,
				Message: fmt.Sprintf("its Ingresses name more than %d Services of type ExternalName; the names of the others, from %s on, are not looked up",
					maxExternalNames, service.Name),
			})
		}
	}
	return names, problems
}

func (w *wantedNames) isUsed(service objects.Key) bool {
	if port := w.cfg.DefaultBackend; port != nil && service == (objects.Key{Namespace: port.Namespace, Name: port.Name}) {
		return true
	}
	for range follow.Of(w.uses, service) {
		return true
	}
	return false
}

// servicesOf yields the name of each Service that the Ingress, which may be nil,
// has as a backend.
func servicesOf(ingress *networkingv1.Ingress) iter.Seq[string] {
	return func(yield func(string) bool) {
		if ingress == nil {
			return
		}
		ok := func(backend *networkingv1.IngressBackend) bool {
			return backend == nil || backend.Service == nil || yield(backend.Service.Name)
		}
		if !ok(ingress.Spec.DefaultBackend) {
			return
		}
		for _, rule := range ingress.Spec.Rules {
			if rule.HTTP == nil {
				continue
			}
			for i := range rule.HTTP.Paths {
				if !ok(&rule.HTTP.Paths[i].Backend) {
					return
				}
			}
		}
	}
}
