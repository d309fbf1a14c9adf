package state

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"gatelodge.dev/kube/objects"
)

// portion is how much may change from one Objects to the next, in names; building it
// takes a few hundredths of a second. The namespaces with changes share it equally, and
// each has at least one object.
const (
	portion       = 500
	routesPerName = 16 // routes that cost as much as a name
)

// Paced is a Source that returns another one's Objects in portions, so that a large
// change of one namespace delays no change of another. The rest stays as it was until
// later; of a namespace, deletions come last. Changes are rarely larger than a portion.
type Paced struct {
	source objects.Source
	dirty  func()

	mu    sync.Mutex
	given *objects.Objects       // the last result; nil: none
	left  map[string]objects.Key // by namespace, where it has to continue
}

// NewPaced returns source in portions.
func NewPaced(source objects.Source) *Paced { return &Paced{source: source} }

// Run runs the source.
func (p *Paced) Run(ctx context.Context, dirty func()) error {
	p.dirty = dirty
	return p.source.Run(ctx, dirty)
}

// Objects returns the next portion. While there is more, it reports a change of the
// objects. The first objects are returned as a whole, and so is a new list, because the
// guard has to see everything that it lacks.
func (p *Paced) Objects() objects.Objects {
	objs := p.source.Objects()
	p.mu.Lock()
	defer p.mu.Unlock()
	var left map[string]objects.Key
	if p.given != nil && objects.SameSlice(p.given.Relists, objs.Relists) && p.given.Remembered.Equal(objs.Remembered) {
		left = keepBack(p.given, &objs, p.left)
	}
	p.given, p.left = &objs, left
	if len(left) > 0 {
		p.dirty()
	}
	return objs
}

// pacedChange is a change of an object that asks for names.
type pacedChange struct {
	kind   *objects.Kind
	key    objects.Key
	after  metav1.Object // nil: it is gone
	weight int
}

// keepBack restores the previous state of the objects that exceed the portion. It
// begins with the rest of the last time, so that frequent changes don't overtake
// others, and returns the new rest.
func keepBack(before, now *objects.Objects, begin map[string]objects.Key) (left map[string]objects.Key) {
	edits := make(map[*objects.Kind]objects.Edit) // of before
	changes, sum := make(map[string][]pacedChange), 0
	paced := *now
	for _, kind := range objects.Kinds() {
		if !isPaced(kind) {
			continue
		}
		kind.Share(&paced, before)
		edits[kind] = kind.Edit(&paced)
		for key, change := range kind.Changes(before, now) {
			weight := max(namesOf(change.Before), namesOf(change.After))
			sum += weight
			changes[key.Namespace] = append(changes[key.Namespace], pacedChange{kind, key, change.After, weight})
		}
	}
	if sum <= portion {
		return nil
	}
	left = make(map[string]objects.Key)
	for namespace, list := range changes {
		first := begin[namespace]
		slices.SortStableFunc(list, func(a, b pacedChange) int { return cmp.Compare(a.rank(first), b.rank(first)) })
		share := portion / len(changes)
		for i, change := range list {
			if share -= change.weight; share < 0 && i > 0 {
				left[namespace] = change.key
				break
			}
			edits[change.kind].Set(change.key, change.after)
		}
	}
	for _, edit := range edits {
		edit.Done()
	}
	*now = paced
	return left
}

// rank orders changes: from the first key on, then those before it, and deletions last.
func (c pacedChange) rank(first objects.Key) int {
	switch {
	case c.after == nil:
		return 2
	case c.key.Compare(first) < 0:
		return 1
	}
	return 0
}

// isPaced reports whether objects of the kind ask for names.
func isPaced(kind *objects.Kind) bool {
	return kind.Name == "Ingress" || kind.Name == "Service" || kind.Name == "DNSEndpoint"
}

// namesOf estimates for how many names an object asks, including its routes; 0 for one
// that asks for none.
func namesOf(object metav1.Object) int {
	switch o := object.(type) {
	case *networkingv1.Ingress:
		return namesOfIngress(o)
	case *objects.DNSEndpoint:
		return len(o.Spec.Endpoints)
	case *corev1.Service:
		return listedIn(o.Annotations)
	}
	return 0
}

func namesOfIngress(in *networkingv1.Ingress) int {
	aliases, routes := listedIn(in.Annotations), 0
	for i, rule := range in.Spec.Rules {
		if rule.HTTP != nil {
			routes += len(rule.HTTP.Paths)
			if i == 0 {
				routes += aliases * len(rule.HTTP.Paths)
			}
		}
	}
	return 1 + len(in.Spec.Rules) + aliases + routes/routesPerName
}

// listedIn counts the names in annotations that list some.
func listedIn(annotations map[string]string) (names int) {
	for key, value := range annotations {
		if strings.HasSuffix(key, "server-alias") || strings.HasSuffix(key, "hostname") {
			names += 1 + strings.Count(value, ",")
		}
	}
	return names
}
