package guard

import (
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
)

// departures contains the names that objects recently stopped asking for, because they
// were deleted or edited, or are not served by this gateway any more. The zero
// departures is empty.
type departures struct {
	list  map[intent.Key]*departure
	names map[string]int // in list, by namespace
	parts int            // part numbers used so far
}

// maxGone limits the names of a namespace that are remembered as gone, and so can be
// withheld. It is more than a namespace may have at once. Otherwise a namespace that
// keeps renaming its hosts could fill the memory.
const maxGone = 30_000

// departure contains the names that one object gave up at one time.
type departure struct {
	at     time.Time
	kept   *intent.Claimant        // the object as it was, asking for these names
	served map[gatelodge.Name]bool // of those, the hosts that its namespace had
}

// begun is a name that an object newly asks for.
type begun struct {
	name gatelodge.Name
	by   *intent.Applicant
}

// note compares the claimants with the previous ones, and returns the UIDs of those
// that gave something up, and the new names.
func (d *departures) note(last, now *sight) (lost []string, news []begun) {
	for _, change := range now.claimants.Changes(last.claimants) {
		was, is := change.Before, change.After
		if names := namesLost(was, is); len(names) > 0 {
			lost = append(lost, was.Object.UID)
			if d.names[was.Object.Namespace]+len(names) <= maxGone {
				d.keep(was, names, last, now.objects.Now)
			}
		}
		for name := range namesLost(is, was) {
			news = append(news, begun{name, &is.Applicant})
		}
	}
	return lost, news
}

// keep records the names that an object gave up.
func (d *departures) keep(was *intent.Claimant, names map[gatelodge.Name]bool, last *sight, at time.Time) {
	d.parts++
	served := make(map[gatelodge.Name]bool)
	for name := range names {
		if host := last.hosts.Get(name); host != nil && host.Owner == was.Object.Namespace {
			served[name] = true
		}
	}
	d.add(&departure{at, was.Only(names, d.parts), served})
}

func (d *departures) add(gone *departure) {
	if d.list == nil {
		d.list, d.names = make(map[intent.Key]*departure), make(map[string]int)
	}
	key := gone.kept.Key()
	d.drop(key)
	d.list[key] = gone
	d.names[key.Namespace] += len(gone.kept.Claims)
}

// drop drops what one object gave up.
func (d *departures) drop(key intent.Key) {
	if gone := d.list[key]; gone != nil {
		delete(d.list, key)
		if d.names[key.Namespace] -= len(gone.kept.Claims); d.names[key.Namespace] == 0 {
			delete(d.names, key.Namespace)
		}
	}
}

// namesLost returns the names that an object asks for and its other version does not.
// Both may be nil.
func namesLost(object, other *intent.Claimant) map[gatelodge.Name]bool {
	if object == nil {
		return nil
	}
	names := make(map[gatelodge.Name]bool)
	for name := range object.Names() {
		names[name] = true
	}
	if other != nil {
		for name := range other.Names() {
			delete(names, name)
		}
	}
	return names
}

// allNames returns all names that were given up.
func (d *departures) allNames() map[gatelodge.Name]bool {
	names := make(map[gatelodge.Name]bool)
	for _, gone := range d.list {
		for name := range gone.kept.Names() {
			names[name] = true
		}
	}
	return names
}

// forget drops names, because they are asked for again.
func (d *departures) forget(anew map[gatelodge.Name]bool) {
	for key, gone := range d.list {
		rest := make(map[gatelodge.Name]bool)
		for name := range gone.kept.Names() {
			if !anew[name] {
				rest[name] = true
			}
		}
		switch {
		case len(rest) == 0:
			d.drop(key)
		case len(rest) < len(gone.kept.Claims):
			d.add(&departure{gone.at, gone.kept.Only(rest, gone.kept.Part), gone.served})
		}
	}
}

// forgetIf drops what some objects gave up.
func (d *departures) forgetIf(forget func(*departure) bool) {
	for key, gone := range d.list {
		if forget(gone) {
			d.drop(key)
		}
	}
}

// follow returns the current departures, except those of some namespaces, based on the
// previous result.
func (d *departures) follow(before intent.Claimants, spared map[string]bool) intent.Claimants {
	edit := before.Edit()
	for key := range before.All() {
		if d.list[key] == nil || spared[key.Namespace] {
			edit.Set(key, nil)
		}
	}
	for key, gone := range d.list {
		if !spared[key.Namespace] {
			edit.Set(key, gone.kept)
		}
	}
	return edit.Map()
}
