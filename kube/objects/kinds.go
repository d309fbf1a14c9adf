package objects

import (
	"iter"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gatelodge "gatelodge.dev"
)

// Kind is a kind of object that a Snapshot is built from. All code that reads, keeps,
// compares or watches objects uses the table of kinds, so that no kind is forgotten.
type Kind struct {
	Name       string // as in manifests
	APIVersion string // "": no manifest has one
	Resource   string // the plural, as in URLs and RBAC
	Namespaced bool
	// Own means that the gateway itself writes these objects: no manifest has one, and
	// none is missing in a list by accident.
	Own bool

	table
}

// kinds is the table of kinds, a row for each Table of Objects.
var kinds = []*Kind{
	{"Ingress", "networking.k8s.io/v1", "ingresses", true, false, tableIn(func(o *Objects) *Table[*networkingv1.Ingress] { return &o.Ingresses })},
	{"IngressClass", "networking.k8s.io/v1", "ingressclasses", false, false, tableIn(func(o *Objects) *Table[*networkingv1.IngressClass] { return &o.Classes })},
	{"Service", "v1", "services", true, false, tableIn(func(o *Objects) *Table[*corev1.Service] { return &o.Services })},
	{"EndpointSlice", "discovery.k8s.io/v1", "endpointslices", true, false, tableIn(func(o *Objects) *Table[*discoveryv1.EndpointSlice] { return &o.Slices })},
	{"Secret", "v1", "secrets", true, false, tableIn(func(o *Objects) *Table[*corev1.Secret] { return &o.Secrets })},
	{"Namespace", "v1", "namespaces", false, false, tableIn(func(o *Objects) *Table[*corev1.Namespace] { return &o.Namespaces })},
	{"ConfigMap", "v1", "configmaps", true, false, tableIn(func(o *Objects) *Table[*corev1.ConfigMap] { return &o.ConfigMaps })},
	{"Node", "v1", "nodes", false, false, tableIn(func(o *Objects) *Table[*corev1.Node] { return &o.Nodes })},
	{"DNSEndpoint", DNSEndpointResource.GroupVersion().String(), DNSEndpointResource.Resource, true, false, tableIn(func(o *Objects) *Table[*DNSEndpoint] { return &o.DNSEndpoints })},
	{StoredKind, "", "secrets", true, true, tableIn(func(o *Objects) *Table[*corev1.Secret] { return &o.Stored })},
}

// StoredKind is the name of the kind of Objects.Stored, which are Secrets.
const StoredKind = "Stored"

// Kinds returns the table of kinds, which must not be changed.
func Kinds() []*Kind { return kinds }

// KindOf returns the kind with a name, nil for one that nothing is built from.
func KindOf(name string) *Kind {
	for _, kind := range kinds {
		if kind.Name == name {
			return kind
		}
	}
	return nil
}

// table gives access to the objects of one kind, whatever their type. An absent object
// is nil.
type table interface {
	New() metav1.Object
	Len(o *Objects) int
	Get(o *Objects, key Key) metav1.Object
	All(o *Objects) iter.Seq2[Key, metav1.Object]
	// Changes yields the differences between now and before, like Map.Changes.
	Changes(before, now *Objects) iter.Seq2[Key, gatelodge.Change[metav1.Object]]
	// Same reports whether nothing of the kind differs. It only checks whether one was
	// made of the other.
	Same(a, b *Objects) bool
	// Share replaces the objects of the kind in to by those in from.
	Share(to, from *Objects)
	Edit(o *Objects) Edit
}

// Edit changes the objects of one kind in Objects, by many changes.
type Edit interface {
	Get(key Key) metav1.Object
	Set(key Key, object metav1.Object) // nil removes it
	Done()                             // stores the changes so far in Objects
}

// Deleted yields the objects of before that are not in now. If another object has the
// name now, by its UID, the previous one was deleted.
func (k *Kind) Deleted(before, now *Objects) iter.Seq2[Key, metav1.Object] {
	return func(yield func(Key, metav1.Object) bool) {
		for key, change := range k.Changes(before, now) {
			was, is := change.Before, change.After
			if was != nil && (is == nil || is.GetUID() != was.GetUID()) && !yield(key, was) {
				return
			}
		}
	}
}

// tableOf is the table of a type of object.
type tableOf[V any, T interface {
	*V
	metav1.Object
}] struct{ in func(*Objects) *Table[T] }

func tableIn[V any, T interface {
	*V
	metav1.Object
}](in func(*Objects) *Table[T]) table {
	return tableOf[V, T]{in}
}

// orNil prevents a nil T from becoming a non-nil object.
func orNil[V any, T interface {
	*V
	metav1.Object
}](object T) metav1.Object {
	if object == nil {
		return nil
	}
	return object
}

func (t tableOf[V, T]) New() metav1.Object                    { return T(new(V)) }
func (t tableOf[V, T]) Len(o *Objects) int                    { return t.in(o).Len() }
func (t tableOf[V, T]) Get(o *Objects, key Key) metav1.Object { return orNil(t.in(o).Get(key)) }
func (t tableOf[V, T]) Same(a, b *Objects) bool               { return *t.in(a) == *t.in(b) }
func (t tableOf[V, T]) Share(to, from *Objects)               { *t.in(to) = *t.in(from) }

func (t tableOf[V, T]) All(o *Objects) iter.Seq2[Key, metav1.Object] {
	return func(yield func(Key, metav1.Object) bool) {
		for key, object := range t.in(o).All() {
			if !yield(key, object) {
				return
			}
		}
	}
}

func (t tableOf[V, T]) Changes(before, now *Objects) iter.Seq2[Key, gatelodge.Change[metav1.Object]] {
	return func(yield func(Key, gatelodge.Change[metav1.Object]) bool) {
		for key, change := range t.in(now).Changes(*t.in(before)) {
			if !yield(key, gatelodge.Change[metav1.Object]{Before: orNil(change.Before), After: orNil(change.After)}) {
				return
			}
		}
	}
}

func (t tableOf[V, T]) Edit(o *Objects) Edit {
	return &tableEdit[V, T]{t.in(o), t.in(o).Edit()}
}

type tableEdit[V any, T interface {
	*V
	metav1.Object
}] struct {
	table *Table[T]
	edit  *gatelodge.MapEdit[Key, T]
}

func (e *tableEdit[V, T]) Get(key Key) metav1.Object { return orNil(e.edit.Get(key)) }
func (e *tableEdit[V, T]) Done()                     { *e.table = e.edit.Map() }

func (e *tableEdit[V, T]) Set(key Key, object metav1.Object) {
	typed, _ := object.(T) // a nil object is a nil T
	e.edit.Set(key, typed)
}
