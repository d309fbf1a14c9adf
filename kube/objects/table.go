package objects

import (
	"cmp"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
)

// Key identifies an object of a kind; Namespace is "" for a kind without namespaces.
type Key struct{ Namespace, Name string }

// Compare orders keys by namespace, then name.
func (k Key) Compare(other Key) int {
	if k.Namespace != other.Namespace {
		return cmp.Compare(k.Namespace, other.Namespace)
	}
	return cmp.Compare(k.Name, other.Name)
}

// String formats the key for messages: "namespace/name".
func (k Key) String() string {
	if k.Namespace == "" {
		return k.Name
	}
	return k.Namespace + "/" + k.Name
}

// KeyOf returns the key of an object.
func KeyOf(object metav1.Object) Key {
	return Key{Namespace: object.GetNamespace(), Name: object.GetName()}
}

// Table contains the objects of one kind. An object that did not change keeps its
// pointer from one Table to the next; another pointer may have another content, age or
// place in a file.
type Table[T comparable] = gatelodge.Map[Key, T]

// Object is a pointer to an object of one kind.
type Object interface {
	comparable
	metav1.Object
}

// TableOf returns the Table of these objects, in any order.
func TableOf[T Object](list ...T) Table[T] { return WithObjects(Table[T]{}, list...) }

// WithObjects returns the table with these objects too. An object replaces another one
// of its name.
func WithObjects[T Object](table Table[T], list ...T) Table[T] {
	edit := table.Edit()
	for _, object := range list {
		edit.Set(KeyOf(object), object)
	}
	return edit.Map()
}

// UID is the UID of an object, as a key of a Map.
type UID types.UID

// Compare orders UIDs as text.
func (u UID) Compare(other UID) int { return cmp.Compare(u, other) }

// SameSlice reports whether two immutable slices are the same.
func SameSlice[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
