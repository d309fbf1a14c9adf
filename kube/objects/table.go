package objects

import (
	"cmp"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gatelodge "gatelodge.dev"
)

// Key names an object among those of its kind; Namespace is "" for a kind that
// has none.
type Key struct{ Namespace, Name string }

// Compare orders keys by namespace, then name.
func (k Key) Compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Namespace, other.Namespace), cmp.Compare(k.Name, other.Name))
}

// String is the key as messages have it: "namespace/name".
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

// Table is the objects of one kind. An object that did not change keeps its
// pointer from one Table to the next; another pointer may have another content,
// age or place in a file.
type Table[T comparable] = gatelodge.Map[Key, T]

// TableOf returns the Table of these objects, in any order.
func TableOf[T interface {
	comparable
	metav1.Object
}](list ...T) Table[T] {
	var before Table[T]
	table := before.Edit()
	for _, object := range list {
		table.Set(KeyOf(object), object)
	}
	return table.Map()
}
