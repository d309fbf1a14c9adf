package intent

import (
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// Selection is the Ingresses that are ours, the oldest first.
type Selection struct {
	cfg        *objects.Config
	all        []*networkingv1.Ingress
	classes    []*networkingv1.IngressClass
	configMaps []*corev1.ConfigMap
	inFiles    bool                           // objects have places in files
	read       []*Ingress                     // of each in all; nil: not ours
	refused    map[*networkingv1.Ingress]bool // of those that are not ours, the ones that nobody's class is for

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

func SelectIngresses(objs *objects.Objects, cfg *objects.Config, last *Selection) *Selection {
	if last == nil {
		last = &Selection{}
	}
	s := &Selection{
		cfg: cfg, all: objs.Ingresses, classes: objs.Classes, configMaps: objs.ConfigMaps,
		inFiles: objs.Origins != nil,
		read:    make([]*Ingress, len(objs.Ingresses)),
		refused: make(map[*networkingv1.Ingress]bool),
	}
	gone := slices.Clone(last.read) // without those that stay
	var fresh []*Ingress
	classes := NewClasses(objs.Classes, cfg)
	s.parameters = readParameters(objs, classes, last.parameters)
	places := objects.Matches(last.all, objs.Ingresses)
	// Without places in files an object says all about itself.
	sameRules := last.cfg == cfg && slices.Equal(last.classes, objs.Classes) &&
		slices.Equal(last.configMaps, objs.ConfigMaps) && !s.inFiles && !last.inFiles
	for i, source := range objs.Ingresses {
		at := places[i]
		if at >= 0 && sameRules && !last.refused[source] {
			s.read[i], gone[at] = last.read[at], nil
			continue
		}
		if !s.has(source, classes, objs) {
			continue
		}
		var defaults *classDefaults
		if p := s.parameters[classes.of(source)]; p != nil {
			defaults = p.defaults
		}
		if at >= 0 && last.read[at] != nil && last.read[at].version == objs.VersionOf(&source.ObjectMeta) && last.read[at].defaults == defaults {
			s.read[i], gone[at] = last.read[at], nil
		} else {
			s.read[i] = readIngress(source, defaults, objs)
			fresh = append(fresh, s.read[i])
		}
	}
	for _, p := range s.parameters {
		s.Problems = append(s.Problems, p.problems...)
	}
	s.order(last.Ours, gone, fresh)
	for _, in := range s.Ours {
		s.Problems = append(s.Problems, in.problems...)
	}
	return s
}

// isOf tells whether the selection is that of these objects.
func (s *Selection) isOf(objs *objects.Objects, cfg *objects.Config) bool {
	return s != nil && s.cfg == cfg && slices.Equal(s.all, objs.Ingresses) && slices.Equal(s.classes, objs.Classes) && slices.Equal(s.configMaps, objs.ConfigMaps)
}

// has tells whether the Ingress is ours, and reports it if it is nobody's.
func (s *Selection) has(source *networkingv1.Ingress, classes *classes, objs *objects.Objects) bool {
	if !s.cfg.HasNamespace(source.Namespace) || s.cfg.Selector != nil && !s.cfg.Selector.Matches(labels.Set(source.Labels)) {
		return false
	}
	ours, problem := classes.has(source)
	if problem != "" {
		s.refused[source] = true
		s.Problems = append(s.Problems, gatelodge.Problem{
			Object: objs.ObjectOf("Ingress", &source.ObjectMeta), Reason: gatelodge.UnknownClass, Message: problem,
		})
	}
	return ours
}

// order puts the Ingresses before, which are in order, without those that are
// gone, and the fresh ones together by age. Items of gone may be nil.
func (s *Selection) order(before, gone, fresh []*Ingress) {
	byAge := func(a, b *Ingress) int { return a.Compare(&b.Applicant) }
	slices.SortFunc(fresh, byAge)
	leave := make(map[*Ingress]bool)
	for _, in := range gone {
		if in != nil {
			leave[in] = true
		}
	}
	kept := before
	if len(leave) > 0 {
		kept = slices.DeleteFunc(slices.Clone(before), func(in *Ingress) bool { return leave[in] })
	}
	s.Ours = objects.InsertSorted(kept, fresh, byAge)
}
