package kube

import (
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"

	gatelodge "gatelodge.dev"
)

// selection is the Ingresses that are ours, the oldest first.
type selection struct {
	cfg        *Config
	all        []*networkingv1.Ingress
	classes    []*networkingv1.IngressClass
	configMaps []*corev1.ConfigMap
	inFiles    bool                           // objects have places in files
	read       []*ingress                     // of each in all; nil: not ours
	refused    map[*networkingv1.Ingress]bool // of those that are not ours, the ones that nobody's class is for

	ours       []*ingress
	parameters map[string]*classParameters // by the name of the class
	problems   []gatelodge.Problem         // theirs, and of those that nobody's class is for
}

// Reader reads Ingresses, and what it made of them it gives to all who ask for
// the same. It is safe for concurrent use; the nil Reader remembers nothing.
type Reader struct {
	mu   sync.Mutex
	last *selection
}

// Read returns the Ingresses that are ours. It begins with last, what the caller
// was given the time before, nil for the first time.
func (r *Reader) Read(objects *Objects, cfg *Config, last *selection) *selection {
	if last.isOf(objects, cfg) {
		return last
	}
	if r == nil {
		return selectIngresses(objects, cfg, last)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.last.isOf(objects, cfg) {
		if last == nil {
			last = r.last
		}
		r.last = selectIngresses(objects, cfg, last)
	}
	return r.last
}

func selectIngresses(objects *Objects, cfg *Config, last *selection) *selection {
	if last == nil {
		last = &selection{}
	}
	s := &selection{
		cfg: cfg, all: objects.Ingresses, classes: objects.Classes, configMaps: objects.ConfigMaps,
		inFiles: objects.Origins != nil,
		read:    make([]*ingress, len(objects.Ingresses)),
		refused: make(map[*networkingv1.Ingress]bool),
	}
	gone := slices.Clone(last.read) // without those that stay
	var fresh []*ingress
	classes := newClasses(objects.Classes, cfg)
	s.parameters = readParameters(objects, classes, last.parameters)
	places := matches(last.all, objects.Ingresses)
	// Without places in files an object says all about itself.
	sameRules := last.cfg == cfg && slices.Equal(last.classes, objects.Classes) &&
		slices.Equal(last.configMaps, objects.ConfigMaps) && !s.inFiles && !last.inFiles
	for i, source := range objects.Ingresses {
		at := places[i]
		if at >= 0 && sameRules && !last.refused[source] {
			s.read[i], gone[at] = last.read[at], nil
			continue
		}
		if !s.has(source, classes, objects) {
			continue
		}
		var defaults *classDefaults
		if p := s.parameters[classes.of(source)]; p != nil {
			defaults = p.defaults
		}
		if at >= 0 && last.read[at] != nil && last.read[at].version == objects.versionOf(&source.ObjectMeta) && last.read[at].defaults == defaults {
			s.read[i], gone[at] = last.read[at], nil
		} else {
			s.read[i] = readIngress(source, defaults, objects)
			fresh = append(fresh, s.read[i])
		}
	}
	for _, p := range s.parameters {
		s.problems = append(s.problems, p.problems...)
	}
	s.order(last.ours, gone, fresh)
	for _, in := range s.ours {
		s.problems = append(s.problems, in.problems...)
	}
	return s
}

// isOf tells whether the selection is that of these objects.
func (s *selection) isOf(objects *Objects, cfg *Config) bool {
	return s != nil && s.cfg == cfg && slices.Equal(s.all, objects.Ingresses) && slices.Equal(s.classes, objects.Classes) && slices.Equal(s.configMaps, objects.ConfigMaps)
}

// has tells whether the Ingress is ours, and reports it if it is nobody's.
func (s *selection) has(source *networkingv1.Ingress, classes *classes, objects *Objects) bool {
	if !s.cfg.hasNamespace(source.Namespace) || s.cfg.Selector != nil && !s.cfg.Selector.Matches(labels.Set(source.Labels)) {
		return false
	}
	ours, problem := classes.has(source)
	if problem != "" {
		s.refused[source] = true
		s.problems = append(s.problems, gatelodge.Problem{
			Object: objects.objectOf("Ingress", &source.ObjectMeta), Reason: gatelodge.UnknownClass, Message: problem,
		})
	}
	return ours
}

// order puts the Ingresses before, which are in order, without those that are
// gone, and the fresh ones together by age. Items of gone may be nil.
func (s *selection) order(before, gone, fresh []*ingress) {
	byAge := func(a, b *ingress) int { return a.compare(&b.applicant) }
	slices.SortFunc(fresh, byAge)
	leave := make(map[*ingress]bool)
	for _, in := range gone {
		if in != nil {
			leave[in] = true
		}
	}
	kept := before
	if len(leave) > 0 {
		kept = slices.DeleteFunc(slices.Clone(before), func(in *ingress) bool { return leave[in] })
	}
	s.ours = insertSorted(kept, fresh, byAge)
}

