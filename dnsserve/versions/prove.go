package versions

import (
	"slices"

	gatelodge "gatelodge.dev"
)

// prove makes the version in the store the published one, if what it says can be
// found out: by its steps from the published version, as something that was built
// here lately, or by its base. Whichever it is must have the version's hash.
func (z *Zones) prove(key Key) {
	z.proving.Lock()
	defer z.proving.Unlock()
	z.mu.Lock()
	e := *z.zones[key]
	z.mu.Unlock()
	r := e.record
	switch {
	case r == nil || e.built == nil:
		return
	case e.known && Less(r.serial, e.last):
		return // an older version came back, which the leader replaces
	case e.version != nil && e.version.Proven && e.version.Serial == r.serial && e.version.hash == r.hash:
		return
	}
	next := &Version{Serial: r.serial, Zone: e.contentOf(r), Proven: true, Steps: r.steps, hash: r.hash} // takes its time, without the lock
	z.mu.Lock()
	defer z.mu.Unlock()
	now := z.zones[key]
	switch {
	case now.built == nil || now.record != r || now.version != e.version:
		z.unread.Raise() // it is about something else by now
	case next.Zone != nil:
		z.publish(now, next)
	case e.version == nil || !e.version.Proven && e.version.Serial != r.serial:
		z.publish(now, &Version{Serial: r.serial, Zone: r.soa})
	}
}

// contentOf returns what the zone says in the version r, and nil if it can't be
// found out.
func (e *zone) contentOf(r *record) *gatelodge.Zone {
	proves := func(content *gatelodge.Zone) bool { return content != nil && hashOf(content) == r.hash }
	if e.version != nil && e.version.Proven {
		if content := follow(r.steps, e.version.Serial, e.version.Zone); proves(content) {
			if i := slices.IndexFunc(e.recent, func(built *gatelodge.Zone) bool { return stepBetween(content, built) == nil }); i >= 0 {
				return e.recent[i] // so that it shares its nodes with what is built later
			}
			return content
		}
	}
	for _, built := range slices.Backward(e.recent) {
		if !r.tried[built] && proves(built) {
			return built
		}
		r.tried[built] = true
	}
	if r.base == nil || r.tried[nil] {
		return nil
	}
	r.tried[nil] = true
	if base, err := unpackBase(r.base, e.key); err == nil {
		if content := follow(r.steps, r.baseAt, base); proves(content) {
			return content
		}
	}
	return nil
}

// follow returns the zone that the last of the steps leads to from what it says
// under a serial, and nil if they don't come by there.
func follow(steps []*Step, from uint32, content *gatelodge.Zone) *gatelodge.Zone {
	i := slices.IndexFunc(steps, func(s *Step) bool { return s.From == from })
	switch {
	case i >= 0:
		steps = steps[i:]
	case len(steps) > 0 && steps[len(steps)-1].To != from:
		return nil
	default:
		return content // which is the version itself, or its hash will tell
	}
	for _, s := range steps {
		content = s.apply(content)
	}
	return content
}
