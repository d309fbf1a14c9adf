package guard

import (
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
)

// departures is what objects asked for of late and do not any more, because they
// were deleted or edited, or are not ours any more. The zero departures is empty.
type departures struct {
	list  map[intent.Key]*departure
	names map[string]int // in list, by namespace
	parts int            // that were given out
}

// maxGone bounds the names of a namespace that are remembered as gone, and so can be
// withheld: more than it may have at once. One that keeps renaming its hosts would
// have the gateway remember them all.
const maxGone = 30_000

// departure is the names that one object gave up at a moment.
type departure struct {
	at     time.Time
	kept   *intent.Claimant        // the object as it was, asking for these names
	served map[gatelodge.Name]bool // of those, the hosts that its namespace had
}

// begun is a name that an object asks for and did not before.
type begun struct {
	name gatelodge.Name
	by   *intent.Applicant
}

// note compares the claimants of a moment with those before, and returns the
// UIDs of those that gave something up, and what was begun.
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

// keep remembers the names that an object gave up.
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

// drop forgets what one object gave up.
func (d *departures) drop(key intent.Key) {
	if gone := d.list[key]; gone != nil {
		delete(d.list, key)
		if d.names[key.Namespace] -= len(gone.kept.Claims); d.names[key.Namespace] == 0 {
			delete(d.names, key.Namespace)
		}
	}
}

// namesLost returns the names that an object asks for and its other version does
// not. Both may be nil.
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

// allNames returns the names that are given up.
func (d *departures) allNames() map[gatelodge.Name]bool {
	names := make(map[gatelodge.Name]bool)
	for _, gone := range d.list {
		for name := range gone.kept.Names() {
			names[name] = true
		}
	}
	return names
}

// forget lets names go for good, because they are asked for anew.
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

// forgetIf forgets what is given up of some objects.
func (d *departures) forgetIf(forget func(*departure) bool) {
	for key, gone := range d.list {
		if forget(gone) {
			d.drop(key)
		}
	}
}

// follow returns what is given up now, but for that of some namespaces, made of
// what it was before.
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
