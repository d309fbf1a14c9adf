package objects

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"
)

// Relist is what a list that came whole, as after a lost watch, had no more of
// what was there before. Nobody said that these objects were deleted.
type Relist struct {
	Lacking map[types.UID]bool
	Every   bool // the list is empty
}

// NewRelist compares a list with the one before; nil when nothing is lacking.
func NewRelist[T Object](before, now Table[T]) *Relist {
	r := &Relist{Lacking: make(map[types.UID]bool), Every: now.Len() == 0}
	for _, object := range Deleted(before, now) {
		r.Lacking[object.GetUID()] = true
	}
	if len(r.Lacking) == 0 {
		return nil
	}
	return r
}

// RelistOf compares, kind by kind, what objects are now with what they were.
func RelistOf(before, now *Objects) []*Relist {
	relists := []*Relist{
		NewRelist(before.Ingresses, now.Ingresses), NewRelist(before.Classes, now.Classes),
		NewRelist(before.Services, now.Services), NewRelist(before.Slices, now.Slices),
		NewRelist(before.Secrets, now.Secrets), NewRelist(before.Namespaces, now.Namespaces),
		NewRelist(before.DNSEndpoints, now.DNSEndpoints),
	}
	return slices.DeleteFunc(relists, func(r *Relist) bool { return r == nil })
}

// Lacking tells whether a whole list lacked the object, and whether that list
// lacked every other as well.
func Lacking(relists []*Relist, uid types.UID) (relisted, every bool) {
	for _, r := range relists {
		if r.Lacking[uid] {
			relisted, every = true, every || r.Every
		}
	}
	return relisted, every
}
