package intent

import (
	"maps"
	"reflect"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// Claimants is the objects that ask for names.
type Claimants = gatelodge.Map[Key, *Claimant]

// Reading is what was read of all objects that may ask for names.
type Reading struct {
	cfg        *objects.Config
	ingresses  objects.Table[*networkingv1.Ingress]
	classes    objects.Table[*networkingv1.IngressClass]
	configMaps objects.Table[*corev1.ConfigMap]
	services   objects.Table[*corev1.Service]
	endpoints  objects.Table[*objects.DNSEndpoint]
	parameters map[string]*classParameters // by the name of the class

	Claimants Claimants                              // those that are ours
	Unknown   gatelodge.Map[Key, *gatelodge.Problem] // Ingresses of a class that no gateway defines
	Problems  []gatelodge.Problem                    // of the parameters of classes
}

// Reader reads the claimants, and gives what it made of them to all who ask for
// the same. It is safe for concurrent use; the nil Reader remembers nothing.
type Reader struct {
	mu   sync.Mutex
	last *Reading
}

// Read reads what changed. It begins with last, what the caller was given the time
// before, nil for the first time.
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
		r.services == objs.Services && r.endpoints == objs.DNSEndpoints
}

func read(objs *objects.Objects, cfg *objects.Config, last *Reading) *Reading {
	if last == nil {
		last = &Reading{}
	}
	r := &Reading{
		cfg: cfg, ingresses: objs.Ingresses, classes: objs.Classes, configMaps: objs.ConfigMaps,
		services: objs.Services, endpoints: objs.DNSEndpoints,
	}
	classes := NewClasses(objs.Classes, cfg)
	r.parameters = readParameters(objs, classes, last.parameters)
	for _, name := range slices.Sorted(maps.Keys(r.parameters)) {
		r.Problems = append(r.Problems, r.parameters[name].problems...)
	}
	claimants, unknown := last.Claimants.Edit(), last.Unknown.Edit()
	otherRules := last.cfg != cfg
	follow(objs.Ingresses, last.ingresses, otherRules || last.classes != r.classes || last.configMaps != r.configMaps, func(key objects.Key, source *networkingv1.Ingress) {
		at := Key{Kind: "Ingress", Namespace: key.Namespace, Name: key.Name}
		claimant, problem := r.readIngress(source, classes, objs, claimants.Get(at), !otherRules)
		claimants.Set(at, claimant)
		unknown.Set(at, problem)
	})
	follow(objs.Services, last.services, otherRules, func(key objects.Key, source *corev1.Service) {
		var claimant *Claimant
		if source != nil && len(source.Annotations) > 0 && cfg.HasNamespace(key.Namespace) {
			claimant = readPublication(source, objs, cfg).orNil()
		}
		claimants.Set(Key{Kind: "Service", Namespace: key.Namespace, Name: key.Name}, claimant)
	})
	follow(objs.DNSEndpoints, last.endpoints, otherRules, func(key objects.Key, source *objects.DNSEndpoint) {
		var claimant *Claimant
		if source != nil && cfg.HasNamespace(key.Namespace) {
			claimant = readDNSEndpoint(source, objs, cfg).orNil()
		}
		claimants.Set(Key{Kind: "DNSEndpoint", Namespace: key.Namespace, Name: key.Name}, claimant)
	})
	r.Claimants, r.Unknown = claimants.Map(), unknown.Map()
	return r
}

// follow looks at the objects that changed, or at every object.
func follow[T comparable](now, before objects.Table[T], every bool, look func(objects.Key, T)) {
	for key, change := range now.Changes(before) {
		look(key, change.After)
	}
	if every {
		for key, object := range now.All() {
			look(key, object)
		}
	}
}

// orNil returns nil for a claimant that asks for nothing and has no problem.
func (c *Claimant) orNil() *Claimant {
	if len(c.Claims) == 0 && len(c.problems) == 0 {
		return nil
	}
	return c
}

// Problems returns what is wrong in the object itself; c may be nil.
func (c *Claimant) Problems() []gatelodge.Problem {
	if c == nil {
		return nil
	}
	return c.problems
}

// readIngress reads an Ingress, nil for none. It returns nil if the Ingress is not
// ours, with a problem if its class is nobody's; and before, if that was read of
// the same.
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
	var defaults *classDefaults
	if p := r.parameters[classes.of(source)]; p != nil {
		defaults = p.defaults
	}
	same := before != nil && before.Source == source && before.defaults == defaults
	if same && sameConfig {
		return before, nil
	}
	read := readIngress(source, defaults, objs, r.cfg)
	if same && reflect.DeepEqual(before, read) {
		return before, nil
	}
	return read, nil
}
