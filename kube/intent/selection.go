package intent

import (
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// Selection is the Ingresses that are ours, the oldest first.
type Selection struct {
	cfg        *objects.Config
	all        objects.Table[*networkingv1.Ingress]
	classes    objects.Table[*networkingv1.IngressClass]
	configMaps objects.Table[*corev1.ConfigMap]
	read       objects.Table[*Ingress]           // those of all that are ours
	refused    objects.Table[*gatelodge.Problem] // of those that are not ours, the ones that nobody's class is for

	Ours       []*Ingress
	parameters map[string]*classParameters // by the name of the class
	Problems   []gatelodge.Problem         // theirs, and of those that nobody's class is for
}

// Reader reads Ingresses, and what it made of them it gives to all who ask for
// the same. It is safe for concurrent use; the nil Reader remembers nothing.
type Reader struct {
	mu   sync.Mutex
	last *Selection
}

// Read returns the Ingresses that are ours. It begins with last, what the caller
// was given the time before, nil for the first time.
func (r *Reader) Read(objs *objects.Objects, cfg *objects.Config, last *Selection) *Selection {
	if last.isOf(objs, cfg) {
		return last
	}
	if r == nil {
		return SelectIngresses(objs, cfg, last)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.last.isOf(objs, cfg) {
		if last == nil {
			last = r.last
		}
		r.last = SelectIngresses(objs, cfg, last)
	}
	return r.last
}

// SelectIngresses reads the Ingresses that are ours, and takes from last, nil for
// the first time, what did not change.
func SelectIngresses(objs *objects.Objects, cfg *objects.Config, last *Selection) *Selection {
	if last == nil {
		last = &Selection{}
	}
	s := &Selection{cfg: cfg, all: objs.Ingresses, classes: objs.Classes, configMaps: objs.ConfigMaps}
	classes := NewClasses(objs.Classes, cfg)
	s.parameters = readParameters(objs, classes, last.parameters)
	read, refused := last.read.Edit(), last.refused.Edit()
	look := func(key objects.Key, source *networkingv1.Ingress) {
		before := last.read.Get(key)
		in, problem := s.readOne(source, classes, objs, before)
		read.Set(key, in)
		refused.Set(key, problem)
	}
	for key, change := range objs.Ingresses.Changes(last.all) {
		look(key, change.After)
	}
	if last.cfg != cfg || last.classes != objs.Classes || last.configMaps != objs.ConfigMaps {
		for key, source := range objs.Ingresses.All() {
			look(key, source)
		}
	}
	s.read, s.refused = read.Map(), refused.Map()

	for _, name := range slices.Sorted(maps.Keys(s.parameters)) {
		s.Problems = append(s.Problems, s.parameters[name].problems...)
	}
	for _, problem := range s.refused.All() {
		s.Problems = append(s.Problems, *problem)
	}
	var gone, fresh []*Ingress
	for _, change := range s.read.Changes(last.read) {
		if change.Before != nil {
			gone = append(gone, change.Before)
		}
		if change.After != nil {
			fresh = append(fresh, change.After)
		}
	}
	s.order(last.Ours, gone, fresh)
	for _, in := range s.Ours {
		s.Problems = append(s.Problems, in.problems...)
	}
	return s
}

// isOf reports whether the selection is that of these objects.
func (s *Selection) isOf(objs *objects.Objects, cfg *objects.Config) bool {
	return s != nil && s.cfg == cfg && s.all == objs.Ingresses && s.classes == objs.Classes && s.configMaps == objs.ConfigMaps
}

// readOne reads an Ingress, nil for none. It returns nil if the Ingress is not
// ours, with a problem if its class is nobody's; and before, if that was read of
// the same.
func (s *Selection) readOne(source *networkingv1.Ingress, classes *classes, objs *objects.Objects, before *Ingress) (*Ingress, *gatelodge.Problem) {
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
	if p := s.parameters[classes.of(source)]; p != nil {
		defaults = p.defaults
	}
	if before != nil && before.Source == source && before.defaults == defaults {
		return before, nil
	}
	return readIngress(source, defaults, objs), nil
}

// order puts the Ingresses before, which are in order, without those that are
// gone, and the fresh ones together by age.
func (s *Selection) order(before, gone, fresh []*Ingress) {
	byAge := func(a, b *Ingress) int { return a.Compare(&b.Applicant) }
	slices.SortFunc(fresh, byAge)
	leave := make(map[*Ingress]bool, len(gone))
	for _, in := range gone {
		leave[in] = true
	}
	kept := before
	if len(leave) > 0 {
		kept = slices.DeleteFunc(slices.Clone(before), func(in *Ingress) bool { return leave[in] })
	}
	s.Ours = objects.InsertSorted(kept, fresh, byAge)
}
