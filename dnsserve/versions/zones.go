package versions

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	gatelodge "gatelodge.dev"
)

// Zones are the versions of all zones, in all views.
type Zones struct {
	store   gatelodge.Store // nil: versions are made in this process
	changed func(Key, *Version)
	log     *slog.Logger
	now     func() time.Time
	since   time.Time // when this process began

	mu     sync.Mutex
	zones  map[Key]*zone
	unread gatelodge.Signal // there may be a zone to be read from the store, or a version to be proven
	unsaid gatelodge.Signal // there may be something for the leader to publish

	proving sync.Mutex // held while a version is proven, before mu
}

// zone is the state of a zone in a view. It is guarded by Zones.mu.
type zone struct {
	key     Key
	built   *gatelodge.Zone   // of the last Snapshot; nil: it has no such zone
	recent  []*gatelodge.Zone // built lately, the last one at the end
	version *Version          // the published one; nil: none

	last  uint32 // the greatest serial so far
	known bool   // whether there was one

	// The stored record:
	read          bool    // since the zone or its item last changed
	record        *record // nil: nothing
	recordVersion string  // of its item; "": there is none
}

// maxRecent limits the zones that are kept for proofs of versions.
const maxRecent = 16

// New returns Zones whose versions are kept in the store, or only in this process if
// store is nil. changed is called after each change of a published version, by one
// goroutine at a time; it must not call methods of Zones.
func New(store gatelodge.Store, changed func(Key, *Version), log *slog.Logger) *Zones {
	return &Zones{
		store: store, changed: changed, log: log, now: time.Now, since: time.Now(),
		zones: make(map[Key]*zone), unread: gatelodge.NewSignal(), unsaid: gatelodge.NewSignal(),
	}
}

// UseStore keeps the versions in a store. It is called before the first Built.
func (z *Zones) UseStore(store gatelodge.Store) { z.store = store }

// Built records the content of a zone in the Snapshot that goes live.
func (z *Zones) Built(key Key, built *gatelodge.Zone) {
	z.mu.Lock()
	defer z.mu.Unlock()
	e := z.zones[key]
	if e == nil {
		e = &zone{key: key}
		z.zones[key] = e
	}
	if e.built == built {
		return
	}
	e.built = built
	if z.store == nil {
		if next := e.next(z.now()); next != nil {
			z.publish(e, next)
		}
		return
	}
	e.recent = append(e.recent, built)
	if len(e.recent) > maxRecent {
		e.recent = slices.Delete(slices.Clone(e.recent), 0, 1) // prove may be reading it
	}
	z.unread.Raise()
	z.unsaid.Raise()
}

// Keep drops all zones but those that has reports, and remembers their serials.
func (z *Zones) Keep(has func(Key) bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for key, e := range z.zones {
		if e.built != nil && !has(key) {
			*e = zone{key: key, last: e.last, known: e.known}
		}
	}
}

// Published returns the published version of a zone, or nil.
func (z *Zones) Published(key Key) *Version {
	z.mu.Lock()
	defer z.mu.Unlock()
	if e := z.zones[key]; e != nil {
		return e.version
	}
	return nil
}

// publish publishes v as the zone's version. The caller holds the lock.
func (z *Zones) publish(e *zone, v *Version) {
	e.version = v
	e.see(v.Serial)
	z.changed(e.key, v)
}

// see records a serial.
func (e *zone) see(serial uint32) {
	if !e.known || Less(e.last, serial) {
		e.last, e.known = serial, true
	}
}

// next returns the version for new content, or nil if the current one has it.
func (e *zone) next(now time.Time) *Version {
	next := &Version{Zone: e.built, Proven: true}
	if e.version == nil || !e.version.Proven {
		next.Serial = nextSerial(e.last, e.known, now)
		return next
	}
	step := stepBetween(e.version.Zone, e.built)
	if step == nil {
		same := *e.version
		same.Zone = e.built // later comparisons with it are faster
		if same.digest != nil {
			same.digest = digestOf(e.built, same.digest)
		}
		e.version = &same
		return nil
	}
	next.Serial, next.digest = nextSerial(e.last, e.known, now), e.version.digest
	step.From, step.To = e.version.Serial, next.Serial
	step.text = step.encode()
	next.Steps = bounded(append(slices.Clip(e.version.Steps), step))
	return next
}

// bounded returns the last of the steps, as many as are kept.
func bounded(steps []*Step) []*Step {
	first, size := len(steps), 0
	for first > 0 && len(steps)-first < maxSteps {
		if size += len(steps[first-1].text); size > maxStepBytes {
			break
		}
		first--
	}
	return steps[first:]
}
