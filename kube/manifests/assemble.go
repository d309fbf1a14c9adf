package manifests

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// ObjectSet puts the objects of several manifests together, in the order in
// which they are added.
type ObjectSet struct {
	Objects objects.Objects
	byName  map[itemName]*Item
}

type itemName struct {
	kind string
	name objects.Key
}

func NewObjectSet() *ObjectSet {
	return &ObjectSet{byName: make(map[itemName]*Item)}
}

func (s *ObjectSet) problem(problems ...gatelodge.Problem) {
	s.Objects.Problems = append(s.Objects.Problems, problems...)
}

// AddManifest adds what a file holds, and what is wrong in it.
func (s *ObjectSet) AddManifest(m *manifest) {
	s.addItems(m)
	s.problem(m.problems()...)
}

func (s *ObjectSet) addItems(m *manifest) {
	for _, d := range m.documents {
		for _, it := range d.items {
			s.Add(it)
		}
	}
}

// Add adds an object. Of two of the same kind and name the first counts.
func (s *ObjectSet) Add(it *Item) {
	key := objects.KeyOf(it.Object)
	name := itemName{it.Kind, key}
	if first := s.byName[name]; first != nil {
		s.problem(gatelodge.Problem{
			Object: itemObject(it.Kind, it.Object, it.origin),
			Reason: gatelodge.BadManifest,
			Message: fmt.Sprintf("%s of this name is already in %s:%d, which counts",
				it.Kind, first.origin.File, first.origin.Line),
		})
		return
	}
	s.byName[name] = it
	s.Objects.Origins = s.Objects.Origins.With(objects.UID(it.Object.GetUID()), it.origin)
	switch object := it.Object.(type) {
	case *networkingv1.Ingress:
		if made, moved := s.age(&object.ObjectMeta); moved {
			younger := *object
			younger.CreationTimestamp = made
			object, it.Object = &younger, &younger
		}
		s.Objects.Ingresses = s.Objects.Ingresses.With(key, object)
	case *networkingv1.IngressClass:
		s.Objects.Classes = s.Objects.Classes.With(key, object)
	case *discoveryv1.EndpointSlice:
		s.Objects.Slices = s.Objects.Slices.With(key, object)
	case *corev1.Service:
		if made, moved := s.age(&object.ObjectMeta); moved {
			younger := *object
			younger.CreationTimestamp = made
			object, it.Object = &younger, &younger
		}
		s.Objects.Services = s.Objects.Services.With(key, object)
	case *corev1.Secret:
		s.Objects.Secrets = s.Objects.Secrets.With(key, object)
	case *corev1.Namespace:
		s.Objects.Namespaces = s.Objects.Namespaces.With(key, object)
	case *corev1.ConfigMap:
		s.Objects.ConfigMaps = s.Objects.ConfigMaps.With(key, object)
	case *objects.DNSEndpoint:
		if made, moved := s.age(&object.ObjectMeta); moved {
			younger := *object
			younger.CreationTimestamp = made
			object, it.Object = &younger, &younger
		}
		s.Objects.DNSEndpoints = s.Objects.DNSEndpoints.With(key, object)
	}
}

// age gives an Ingress, a Service or a DNSEndpoint without a creationTimestamp,
// the kinds that are granted something by their age, the age that its place says: it is older
// than those after it and than whatever has a timestamp. The steps are
// nanoseconds, which order objects and don't show where a time is shown.
//
// An object that was handed over is never written, so one that moved must be
// copied.
func (s *ObjectSet) age(meta *metav1.ObjectMeta) (made metav1.Time, moved bool) {
	made = metav1.NewTime(time.Unix(0, int64(s.Objects.Ingresses.Len()+s.Objects.Services.Len()+s.Objects.DNSEndpoints.Len())))
	written := !meta.CreationTimestamp.IsZero() && meta.CreationTimestamp.Unix() != 0
	return made, !written && !meta.CreationTimestamp.Time.Equal(made.Time)
}
