package guard

import (
	"iter"
	"maps"
	"slices"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// asker is an object that asks for names: an *ingress or a *publication.
type asker[T any] interface {
	comparable
	Who() *intent.Applicant
	Names() iter.Seq[gatelodge.Name]
	Only(names map[gatelodge.Name]bool) T // asking for these alone
}

// departures is what objects asked for of late and do not any more, because
// they were deleted or edited, or are none of ours any more.
type departures[T asker[T]] struct{ list []*departure[T] }

// departure is the names that one object gave up at a moment.
type departure[T asker[T]] struct {
	at    time.Time
	names map[gatelodge.Name]bool
	kept  T // the object as it was, asking for these names
}

// begun is a name that an object asks for and did not before.
type begun struct {
	name gatelodge.Name
	by   *intent.Applicant
}

// note compares the objects of one moment with those before, and returns the
// UIDs of those that gave something up.
func (d *departures[T]) note(before, now []T, at time.Time) (lost []string, news []begun) {
	old, fresh := objects.Changed(before, now)
	oldByUID, freshByUID := byUID(old), byUID(fresh)
	for _, was := range old {
		if names := namesLost(was, freshByUID); len(names) > 0 {
			d.list = append(d.list, &departure[T]{at: at, names: names, kept: was.Only(names)})
			lost = append(lost, was.Who().Object.UID)
		}
	}
	for _, is := range fresh {
		for name := range namesLost(is, oldByUID) {
			news = append(news, begun{name, is.Who()})
		}
	}
	return lost, news
}

func byUID[T asker[T]](list []T) map[string]T {
	byUID := make(map[string]T, len(list))
	for _, object := range list {
		byUID[object.Who().Object.UID] = object
	}
	return byUID
}

// namesLost lists what the object asks for and its other version does not.
func namesLost[T asker[T]](object T, others map[string]T) map[gatelodge.Name]bool {
	names := make(map[gatelodge.Name]bool)
	for name := range object.Names() {
		names[name] = true
	}
	if other, ok := others[object.Who().Object.UID]; ok {
		for name := range other.Names() {
			delete(names, name)
		}
	}
	return names
}

// addTo adds the names that are given up.
func (d *departures[T]) addTo(names map[gatelodge.Name]bool) {
	for _, gone := range d.list {
		for name := range gone.names {
			names[name] = true
		}
	}
}

// forget lets names go for good, because somebody has them anew.
func (d *departures[T]) forget(anew map[gatelodge.Name]bool) {
	for _, gone := range d.list {
		before := len(gone.names)
		maps.DeleteFunc(gone.names, func(name gatelodge.Name, _ bool) bool { return anew[name] })
		if len(gone.names) < before {
			gone.kept = gone.kept.Only(gone.names)
		}
	}
	d.list = slices.DeleteFunc(d.list, func(gone *departure[T]) bool { return len(gone.names) == 0 })
}

func (d *departures[T]) forgetBefore(since time.Time) {
	d.list = slices.DeleteFunc(d.list, func(gone *departure[T]) bool { return gone.at.Before(since) })
}

// kept returns what is given up, the oldest object first.
func (d *departures[T]) kept() []T {
	kept := make([]T, len(d.list))
	for i, gone := range d.list {
		kept[i] = gone.kept
	}
	slices.SortStableFunc(kept, func(a, b T) int { return a.Who().Compare(b.Who()) })
	return kept
}
