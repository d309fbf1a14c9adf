package intent

import (
	"maps"
	"reflect"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/objects"
)

// Claimants are the objects that ask for names.
type Claimants = gatelodge.Map[Key, *Claimant]

// Reading contains what was read of all objects that may ask for names.
type Reading struct {
	cfg        *objects.Config
	ingresses  objects.Table[*networkingv1.Ingress]
	classes    objects.Table[*networkingv1.IngressClass]
	configMaps objects.Table[*corev1.ConfigMap]
	services   objects.Table[*corev1.Service]
	slices     objects.Table[*discoveryv1.EndpointSlice]
	nodes      objects.Table[*corev1.Node]
	endpoints  objects.Table[*objects.DNSEndpoint]
	origins    objects.Origins
	defaults   *annotations.Defaults       // of the configuration; nil: none
	parameters map[string]*classParameters // by the name of the class
	tenants    *tenants

	Claimants Claimants                              // those of this gateway
	Unknown   gatelodge.Map[Key, *gatelodge.Problem] // Ingresses of a class that no gateway defines
	Problems  []gatelodge.Problem                    // of classes and Namespaces

	SlicesOf follow.Index[objects.Key, objects.Key] // EndpointSlices by Service
	onNodes  objects.Table[*corev1.Service]         // whose names lead to nodes
}

// NeedsNodes reports whether names lead to nodes.
func (r *Reading) NeedsNodes() bool { return r.onNodes.Len() > 0 }

// Reader reads the claimants, and shares the results between its callers. It is safe
// for concurrent use; the nil Reader remembers nothing.
type Reader struct {
	mu   sync.Mutex
	last *Reading
}

// Read reads what changed since last, the caller's previous result, nil for the first
// time.
func (r *Reader) Read(objs *objects.Objects, cfg *objects.Config, last *Reading) *Reading {
	if last.isOf(objs, cfg) {
		return last
	}
	if r == nil {
		return read(objs, cfg, last)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.last.isOf(objs, cfg) {
		if last == nil {
			last = r.last
		}
		r.last = read(objs, cfg, last)
	}
	return r.last
}

// isOf reports whether the reading is that of these objects.
func (r *Reading) isOf(objs *objects.Objects, cfg *objects.Config) bool {
	return r != nil && r.cfg == cfg && r.ingresses == objs.Ingresses && r.classes == objs.Classes && r.configMaps == objs.ConfigMaps &&
		r.tenants.namespaces == objs.Namespaces && r.services == objs.Services && r.slices == objs.Slices && r.nodes == objs.Nodes && r.endpoints == objs.DNSEndpoints
}

func read(objs *objects.Objects, cfg *objects.Config, last *Reading) *Reading {
	if last == nil {
		last = &Reading{}
	}
	r := &Reading{
		cfg: cfg, ingresses: objs.Ingresses, classes: objs.Classes, configMaps: objs.ConfigMaps,
		services: objs.Services, slices: objs.Slices, nodes: objs.Nodes, endpoints: objs.DNSEndpoints, origins: objs.Origins,
	}
	classes := NewClasses(objs.Classes, cfg)
	r.defaults = readDefaults(cfg, last)
	r.parameters = readParameters(objs, classes, r.defaults, last.parameters)
	for _, name := range slices.Sorted(maps.Keys(r.parameters)) {
		r.Problems = append(r.Problems, r.parameters[name].problems...)
	}
	for _, class := range objs.Classes.All() {
		if message := annotations.IneffectiveOnClass(class.Annotations); message != "" && !classes.Unread && classes.Ours[class.Name] {
			r.Problems = append(r.Problems, gatelodge.Problem{Object: objs.ObjectOf("IngressClass", &class.ObjectMeta), Reason: gatelodge.UnknownAnnotation, Message: message})
		}
	}
	r.tenants = readTenants(objs, last.tenants)
	r.Problems = append(r.Problems, r.tenants.problems...)
	moved := r.tenants.changes(last.tenants)
	claimants, unknown := last.Claimants.Edit(), last.Unknown.Edit()
	otherRules := last.cfg != cfg
	forChanged(objs.Ingresses, last.ingresses, otherRules || last.classes != r.classes || last.configMaps != r.configMaps, moved, func(key objects.Key, source *networkingv1.Ingress) {
		at := Key{Kind: "Ingress", Namespace: key.Namespace, Name: key.Name}
		claimant, problem := r.readIngress(source, classes, objs, claimants.Get(at), !otherRules)
		claimants.Set(at, claimant)
		unknown.Set(at, problem)
	})
	r.readServices(objs, last, moved, claimants)
	forChanged(objs.DNSEndpoints, last.endpoints, otherRules, moved, func(key objects.Key, source *objects.DNSEndpoint) {
		var claimant *Claimant
		if source != nil && cfg.HasNamespace(key.Namespace) {
			claimant = r.readDNSEndpoint(source, objs).orNil()
			claimant.settle(r.tenants.list[key.Namespace])
		}
		claimants.Set(Key{Kind: "DNSEndpoint", Namespace: key.Namespace, Name: key.Name}, claimant)
	})
	r.Claimants, r.Unknown = claimants.Map(), unknown.Map()
	return r
}

// forChanged processes the objects that changed, and those of some namespaces, or every
// object.
func forChanged[T comparable](now, before objects.Table[T], every bool, namespaces []string, look func(objects.Key, T)) {
	var gone T
	for key, change := range now.Changes(before) {
		if !every || change.After == gone {
			look(key, change.After)
		}
	}
	if every {
		for key, object := range now.All() {
			look(key, object)
		}
		return
	}
	for _, namespace := range namespaces {
		for key, object := range now.From(objects.Key{Namespace: namespace}) {
			if key.Namespace != namespace {
				break
			}
			look(key, object)
		}
	}
}

// readServices reads the Services that changed, those of some namespaces, and those
// that lead to endpoints or nodes that changed.
func (r *Reading) readServices(objs *objects.Objects, last *Reading, namespaces []string, claimants *gatelodge.MapEdit[Key, *Claimant]) {
	ofService, onNodes := last.SlicesOf.Edit(), last.onNodes.Edit()
	moved := make(follow.Dirty[objects.Key])
	for key, change := range objs.Slices.Changes(last.slices) {
		if change.Before != nil {
			service := objects.ServiceOf(change.Before)
			ofService.Set(follow.PairOf(service, key), false)
			moved[service] = true
		}
		if change.After != nil {
			service := objects.ServiceOf(change.After)
			ofService.Set(follow.PairOf(service, key), service.Name != "")
			moved[service] = true
		}
	}
	r.SlicesOf = ofService.Map()
	if objs.Nodes != last.nodes {
		follow.All(moved, last.onNodes)
	}
	read := func(key objects.Key, source *corev1.Service) {
		at := Key{Kind: "Service", Namespace: key.Namespace, Name: key.Name}
		var claimant *Claimant
		if source != nil && len(source.Annotations) > 0 && r.cfg.HasNamespace(key.Namespace) {
			parts := serviceParts{nodes: objs.Nodes}
			if needsParts(source) {
				for slice := range follow.Of(r.SlicesOf, key) {
					parts.slices = append(parts.slices, objs.Slices.Get(slice))
				}
			}
			claimant = r.readPublication(source, parts, objs).orNil()
			claimant.settle(r.tenants.list[key.Namespace])
		}
		if before := claimants.Get(at); before != nil && reflect.DeepEqual(before, claimant) {
			claimant = before
		}
		claimants.Set(at, claimant)
		if claimant == nil || !leadsToNodes(source) {
			source = nil
		}
		onNodes.Set(key, source)
	}
	forChanged(objs.Services, last.services, last.cfg != r.cfg, namespaces, read)
	for key := range moved {
		if source := objs.Services.Get(key); needsParts(source) {
			read(key, source)
		}
	}
	r.onNodes = onNodes.Map()
}

// orNil returns nil for a claimant without claims and problems.
func (c *Claimant) orNil() *Claimant {
	c.places = nil
	if len(c.Claims) == 0 && len(c.problems) == 0 {
		return nil
	}
	return c
}

// Problems returns the problems of the object itself; c may be nil.
func (c *Claimant) Problems() []gatelodge.Problem {
	if c == nil {
		return nil
	}
	return c.problems
}

// readIngress reads an Ingress, nil for none. It returns nil if the Ingress is not for
// this gateway, with a problem if its class is undefined; and before, if that is still
// valid.
func (r *Reading) readIngress(source *networkingv1.Ingress, classes *classes, objs *objects.Objects, before *Claimant, sameConfig bool) (*Claimant, *gatelodge.Problem) {
	if source == nil {
		return nil, nil
	}
	ours, problem := classes.Has(source)
	switch {
	case problem != "":
		return nil, &gatelodge.Problem{
			Object: objs.ObjectOf("Ingress", &source.ObjectMeta), Reason: gatelodge.UnknownClass, Message: problem,
		}
	case !ours:
		return nil, nil
	}
	defaults := r.defaults
	if p := r.parameters[classes.of(source)]; p != nil {
		defaults = p.defaults
	}
	tenant := r.tenants.list[source.Namespace]
	same := before != nil && before.Source == source && before.defaults == defaults && before.tenant == tenant
	if same && sameConfig {
		return before, nil
	}
	read := readIngress(source, defaults, tenant, objs, r.cfg)
	read.setViews(source.Annotations[annotations.ViewsAnnotation], read.Asked.Views, tenant.Views, r.cfg)
	if same && reflect.DeepEqual(before, read) {
		return before, nil
	}
	return read, nil
}
