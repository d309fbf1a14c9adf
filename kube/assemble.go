package kube

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
)

// objectSet puts the objects of several manifests together, in the order in
// which they are added.
type objectSet struct {
	objects Objects
	byName  map[itemName]*item
}

type itemName struct {
	kind string
	name types.NamespacedName
}

func newObjectSet() *objectSet {
	return &objectSet{
		objects: Objects{Origins: make(map[types.UID]Origin)},
		byName:  make(map[itemName]*item),
	}
}

func (s *objectSet) problem(problems ...gatelodge.Problem) {
	s.objects.Problems = append(s.objects.Problems, problems...)
}

// addManifest adds what a file holds, and what is wrong in it.
func (s *objectSet) addManifest(m *manifest) {
	s.addItems(m)
	s.problem(m.problems()...)
}

func (s *objectSet) addItems(m *manifest) {
	for _, d := range m.documents {
		for _, it := range d.items {
			s.add(it)
		}
	}
}

// add adds an object. Of two of the same kind and name the first counts.
func (s *objectSet) add(it *item) {
	name := itemName{it.kind, types.NamespacedName{Namespace: it.object.GetNamespace(), Name: it.object.GetName()}}
	if first := s.byName[name]; first != nil {
		s.problem(gatelodge.Problem{
			Object: itemObject(it.kind, it.object, it.origin),
			Reason: gatelodge.BadManifest,
			Message: fmt.Sprintf("%s of this name is already in %s:%d, which counts",
				it.kind, first.origin.File, first.origin.Line),
		})
		return
	}
	s.byName[name] = it
	s.objects.Origins[it.object.GetUID()] = it.origin
	switch object := it.object.(type) {
	case *networkingv1.Ingress:
		if made, moved := s.age(&object.ObjectMeta); moved {
			younger := *object
			younger.CreationTimestamp = made
			object, it.object = &younger, &younger
		}
		s.objects.Ingresses = append(s.objects.Ingresses, object)
	case *networkingv1.IngressClass:
		s.objects.Classes = append(s.objects.Classes, object)
	case *discoveryv1.EndpointSlice:
		s.objects.Slices = append(s.objects.Slices, object)
	case *corev1.Service:
		if made, moved := s.age(&object.ObjectMeta); moved {
			younger := *object
			younger.CreationTimestamp = made
			object, it.object = &younger, &younger
		}
		s.objects.Services = append(s.objects.Services, object)
	case *corev1.Secret:
		s.objects.Secrets = append(s.objects.Secrets, object)
	case *corev1.Namespace:
		s.objects.Namespaces = append(s.objects.Namespaces, object)
	case *corev1.ConfigMap:
		s.objects.ConfigMaps = append(s.objects.ConfigMaps, object)
	case *DNSEndpoint:
		if made, moved := s.age(&object.ObjectMeta); moved {
			younger := *object
			younger.CreationTimestamp = made
			object, it.object = &younger, &younger
		}
		s.objects.DNSEndpoints = append(s.objects.DNSEndpoints, object)
	}
}

// age gives an Ingress, a Service or a DNSEndpoint without a creationTimestamp,
// the kinds that are granted something by their age, the age that its place says: it is older
// than those after it and than whatever has a timestamp. The steps are
// nanoseconds, which order objects and don't show where a time is shown.
//
// An object that was handed over is never written, so one that moved must be
// copied.
func (s *objectSet) age(meta *metav1.ObjectMeta) (made metav1.Time, moved bool) {
	made = metav1.NewTime(time.Unix(0, int64(len(s.objects.Ingresses)+len(s.objects.Services)+len(s.objects.DNSEndpoints))))
	written := !meta.CreationTimestamp.IsZero() && meta.CreationTimestamp.Unix() != 0
	return made, !written && !meta.CreationTimestamp.Time.Equal(made.Time)
}
