package compile

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"gatelodge.dev/kube/objects"
)

// tableFrom makes a Table of a list, sharing what last has.
func tableFrom[T interface {
	comparable
	metav1.Object
}](list []T, last objects.Table[T]) objects.Table[T] {
	there := make(map[objects.Key]bool, len(list))
	edit := last.Edit()
	for _, object := range list {
		there[objects.KeyOf(object)] = true
		edit.Set(objects.KeyOf(object), object)
	}
	var none T
	for key := range last.All() {
		if !there[key] {
			edit.Set(key, none)
		}
	}
	return edit.Map()
}

func (m *memo) secretTable() (t objects.Table[*corev1.Secret]) {
	if m.secrets != nil {
		t = m.secrets.table
	}
	return t
}

func (m *memo) storedTable() (t objects.Table[*corev1.Secret]) {
	if m.stored != nil {
		t = m.stored.table
	}
	return t
}
