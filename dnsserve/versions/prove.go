package versions

import (
	"slices"

	gatelodge "gatelodge.dev"
)

// prove publishes the version in the store if its content is known: by its steps from
// the published version, from something that was built here recently, or from its base.
// The content must have the version's hash.
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
	proof := e.proofOf(r) // takes long, so without the lock
	z.mu.Lock()
	defer z.mu.Unlock()
	now := z.zones[key]
	switch {
	case now.built == nil || now.record != r || now.version != e.version:
		z.unread.Raise() // it has changed meanwhile
	case proof != nil:
		z.publish(now, &Version{Serial: r.serial, Zone: proof.of, Proven: true, Steps: r.steps, digest: proof, hash: r.hash})
	case e.version == nil || !e.version.Proven && e.version.Serial != r.serial:
		z.publish(now, &Version{Serial: r.serial, Zone: r.soa})
	}
}

// proofOf returns the content of version r with its digest, or nil if it is unknown.
func (e *zone) proofOf(r *record) *digest {
	var last *digest
	if e.version != nil {
		last = e.version.digest
	}
	prove := func(content *gatelodge.Zone) *digest {
		if content != nil {
			d := digestOf(content, last)
			if last == nil {
				last = d
			}
			if d.String() == r.hash {
				return d
			}
		}
		return nil
	}
	if e.version != nil && e.version.Proven {
		if proof := prove(follow(r.steps, e.version.Serial, e.version.Zone)); proof != nil {
			if i := slices.IndexFunc(e.recent, func(built *gatelodge.Zone) bool { return stepBetween(proof.of, built) == nil }); i >= 0 {
				return digestOf(e.recent[i], proof) // it shares its nodes with what is built later
			}
			return proof
		}
	}
	for _, built := range slices.Backward(e.recent) {
		if r.tried[built] {
			continue
		}
		if proof := prove(built); proof != nil {
			return proof
		}
		r.tried[built] = true
	}
	if r.base == nil || r.tried[nil] {
		return nil
	}
	r.tried[nil] = true
	base, err := unpackBase(r.base, e.key)
	if err != nil {
		return nil
	}
	return prove(follow(r.steps, r.baseAt, base))
}

// follow returns the zone after the steps, starting from the content of a serial, or
// nil if the steps don't include that serial.
func follow(steps []*Step, from uint32, content *gatelodge.Zone) *gatelodge.Zone {
	i := slices.IndexFunc(steps, func(s *Step) bool { return s.From == from })
	switch {
	case i >= 0:
		steps = steps[i:]
	case len(steps) > 0 && steps[len(steps)-1].To != from:
		return nil
	default:
		return content // this is the version, or its hash will differ
	}
	for _, s := range steps {
		content = s.apply(content)
	}
	return content
}
