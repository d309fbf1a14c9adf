package kube

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Relist is what a list that came whole, as after a lost watch, had no more of
// what was there before. Nobody said that these objects were deleted.
type Relist struct {
	Lacking map[types.UID]bool
	Every   bool // the list is empty
}

// newRelist compares a list with the one before; nil when nothing is lacking.
func newRelist[T metav1.Object](before, now []T) *Relist {
	there := make(map[types.UID]bool, len(now))
	for _, object := range now {
		there[object.GetUID()] = true
	}
	r := &Relist{Lacking: make(map[types.UID]bool), Every: len(now) == 0}
	for _, object := range before {
		if uid := object.GetUID(); !there[uid] {
			r.Lacking[uid] = true
		}
	}
	if len(r.Lacking) == 0 {
		return nil
	}
	return r
}

// relistOf compares, kind by kind, what objects are now with what they were.
func relistOf(before, now *Objects) []*Relist {
	relists := []*Relist{
		newRelist(before.Ingresses, now.Ingresses), newRelist(before.Classes, now.Classes),
		newRelist(before.Services, now.Services), newRelist(before.Slices, now.Slices),
		newRelist(before.Secrets, now.Secrets), newRelist(before.Namespaces, now.Namespaces),
		newRelist(before.DNSEndpoints, now.DNSEndpoints),
	}
	return slices.DeleteFunc(relists, func(r *Relist) bool { return r == nil })
}

// lacking tells whether a whole list lacked the object, and whether that list
// lacked every other as well.
func lacking(relists []*Relist, uid types.UID) (relisted, every bool) {
	for _, r := range relists {
		if r.Lacking[uid] {
			relisted, every = true, every || r.Every
		}
	}
	return relisted, every
}
