package state

import (
	"fmt"
	"iter"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// maxExternalNames limits the names of a namespace that are looked up, because the
// authors of its Services decide on their number.
const maxExternalNames = 100

// wantedNames contains the names of the ExternalName Services that are a backend of an
// Ingress or of the configuration, and those of auth-url. A change costs only that
// change.
type wantedNames struct {
	cfg        *objects.Config
	services   objects.Table[*corev1.Service]
	configMaps objects.Table[*corev1.ConfigMap]
	ingresses  objects.Table[*networkingv1.Ingress] // of which uses is; empty while no Service has a name
	asking     objects.Table[*networkingv1.Ingress] // of which auth is

	external objects.Table[*externalName]
	uses     follow.Index[objects.Key, objects.Key] // the Ingresses that have a Service as a backend
	auth     objects.Table[*externalName]           // by Ingress
	byClass  objects.Table[*[]gatelodge.Name]       // by ConfigMap

	names    map[gatelodge.Name]bool
	problems []gatelodge.Problem // of namespaces with too many names
}

// externalName is the name of a Service, as a pointer type for a Table.
type externalName struct{ name gatelodge.Name }

// after returns the names for later objects and another configuration, w itself if they
// are the same.
func (w *wantedNames) after(objs *objects.Objects, cfg *objects.Config) *wantedNames {
	if w.cfg == cfg && w.services == objs.Services && w.asking == objs.Ingresses && w.configMaps == objs.ConfigMaps {
		return w
	}
	if w.cfg != cfg {
		w = &wantedNames{}
	}
	next := &wantedNames{cfg: cfg, services: objs.Services, asking: objs.Ingresses, configMaps: objs.ConfigMaps, names: w.names, problems: w.problems}
	next.readAuth(w)
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
				uses.Set(follow.PairOf(service, key), false)
			}
			for service := range servicesOf(change.After) {
				uses.Set(follow.PairOf(service, key), true)
			}
		}
		next.uses = uses.Map()
	}
	if w.cfg == nil || next.external != w.external || next.uses != w.uses || next.auth != w.auth || next.byClass != w.byClass {
		next.names, next.problems = next.list()
	}
	return next
}

// readAuth reads the names in auth-url that changed since before.
func (w *wantedNames) readAuth(before *wantedNames) {
	auth := before.auth.Edit()
	for key, change := range w.asking.Changes(before.asking) {
		name := intent.AuthTargetOf(change.After).Name
		switch had := auth.Get(key); {
		case name == "" || w.cfg.RefuseExternalNames:
			auth.Set(key, nil)
		case had == nil || had.name != name:
			auth.Set(key, &externalName{name})
		}
	}
	w.auth = auth.Map()
	byClass := before.byClass.Edit()
	for key, change := range w.configMaps.Changes(before.configMaps) {
		var names []gatelodge.Name
		for _, target := range intent.AuthTargetsOf(change.After) {
			if target.Name != "" {
				names = append(names, target.Name)
			}
		}
		if names == nil {
			byClass.Set(key, nil)
		} else {
			byClass.Set(key, &names)
		}
	}
	w.byClass = byClass.Map()
}

// list lists the names, and the problems of namespaces with too many.
func (w *wantedNames) list() (names map[gatelodge.Name]bool, problems []gatelodge.Problem) {
	names = make(map[gatelodge.Name]bool)
	for _, target := range intent.AuthTargetsOfDefaults(w.cfg.Defaults) {
		if target.Name != "" {
			names[target.Name] = true
		}
	}
	for _, list := range w.byClass.All() {
		for _, name := range *list {
			names[name] = true
		}
	}
	of := make(map[string]map[gatelodge.Name]bool) // by namespace
	add := func(by objects.Key, what string, external *externalName) {
		have := of[by.Namespace]
		if have == nil {
			have = make(map[gatelodge.Name]bool)
			of[by.Namespace] = have
		}
		if have[external.name] || len(have) > maxExternalNames {
			return
		}
		if have[external.name] = true; len(have) <= maxExternalNames {
			names[external.name] = true
			return
		}
		problems = append(problems, gatelodge.Problem{
			Object: gatelodge.Object{Kind: "Namespace", Name: by.Namespace},
			Reason: gatelodge.SourceFailed,
			Message: fmt.Sprintf("its Ingresses name more than %d names outside of Services, by Services of type ExternalName and auth-url; the others, from that of %s %s on, are not looked up",
				maxExternalNames, what, by.Name),
		})
	}
	for service, external := range w.external.All() {
		if w.isUsed(service) {
			add(service, "Service", external)
		}
	}
	for ingress, external := range w.auth.All() {
		add(ingress, "Ingress", external)
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

// servicesOf yields each Service that the Ingress, which may be nil, has as a backend
// or in auth-url.
func servicesOf(ingress *networkingv1.Ingress) iter.Seq[objects.Key] {
	return func(yield func(objects.Key) bool) {
		if ingress == nil {
			return
		}
		ok := func(backend *networkingv1.IngressBackend) bool {
			return backend == nil || backend.Service == nil || yield(objects.Key{Namespace: ingress.Namespace, Name: backend.Service.Name})
		}
		if !ok(ingress.Spec.DefaultBackend) {
			return
		}
		if service := intent.AuthTargetOf(ingress).Service; service.Name != "" && !yield(service) {
			return
		}
		if name := intent.ServiceForErrors(ingress); name != "" && !yield(objects.Key{Namespace: ingress.Namespace, Name: name}) {
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
