package objects

import (
	"k8s.io/apimachinery/pkg/types"
)

// Relist contains the objects that a complete list, as after a lost watch, no longer
// has. No watch reported the deletion of these objects.
type Relist struct {
	Lacking map[types.UID]bool
	Every   bool // the list is empty
}

// NewRelist compares the list of a kind with the previous one; nil if nothing is
// missing.
func NewRelist(kind *Kind, before, now *Objects) *Relist {
	r := &Relist{Lacking: make(map[types.UID]bool), Every: kind.Len(now) == 0}
	for _, object := range kind.Deleted(before, now) {
		r.Lacking[object.GetUID()] = true
	}
	if len(r.Lacking) == 0 {
		return nil
	}
	return r
}

// RelistOf compares, kind by kind, what objects are now with what they were.
func RelistOf(before, now *Objects) []*Relist {
	var relists []*Relist
	for _, kind := range kinds {
		if kind.Own {
			continue
		}
		if r := NewRelist(kind, before, now); r != nil {
			relists = append(relists, r)
		}
	}
	return relists
}

// Lacking reports whether a complete list lacked the object, and whether that list
// lacked all others as well.
func Lacking(relists []*Relist, uid types.UID) (relisted, every bool) {
	for _, r := range relists {
		if r.Lacking[uid] {
			relisted, every = true, every || r.Every
		}
	}
	return relisted, every
}
