package versions

import (
	"context"
	"errors"
	"fmt"
	"time"

	gatelodge "gatelodge.dev"
)

// The times of Follow and Lead.
const (
	publishPause = time.Second     // between two versions of a zone
	retryPause   = 5 * time.Second // after a failure of the store
	workShare    = 20              // the leader pauses for this many times the time for making versions
	proofShare   = 5               // each replica pauses for this many times the time for proving them, at most publishPause
)

// Follow publishes the versions that the leader stores, until ctx ends. Every
// replica calls it. Without a store there is nothing to follow.
func (z *Zones) Follow(ctx context.Context) error {
	if z.store == nil {
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- z.store.Watch(ctx, itemPrefix, z.itemChanged) }()
	var retry <-chan time.Time
	for {
		select {
		case <-z.unread:
		case <-retry:
		case err := <-ended:
			if err != nil && ctx.Err() == nil {
				return fmt.Errorf("following the serials of zones: %w", err)
			}
			return nil
		}
		retry = nil
		start := time.Now()
		if !z.readAll(ctx) {
			retry = time.After(retryPause)
		}
		for _, key := range z.keys(func(*zone) bool { return true }) {
			z.prove(key)
		}
		select {
		case <-time.After(min(proofShare*time.Since(start), publishPause)):
		case <-ctx.Done():
		}
	}
}

// itemChanged marks an item to be read.
func (z *Zones) itemChanged(item string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, e := range z.zones {
		if e.key.item() == item {
			e.read = false
		}
	}
	z.unread.Raise()
}

// readAll reads the marked items, and reports whether that succeeded.
func (z *Zones) readAll(ctx context.Context) bool {
	ok := true
	for _, key := range z.keys(func(e *zone) bool { return !e.read }) {
		if err := z.readZone(ctx, key); err != nil && ctx.Err() == nil {
			z.log.Warn("the serial of a zone can't be read; the last version stays published", "zone", key.Zone, "view", key.View, "error", err)
			ok = false
		}
	}
	return ok
}

// keys lists the zones in the Snapshot for which are returns true.
func (z *Zones) keys(are func(*zone) bool) []Key {
	z.mu.Lock()
	defer z.mu.Unlock()
	var keys []Key
	for key, e := range z.zones {
		if e.built != nil && are(e) {
			keys = append(keys, key)
		}
	}
	return keys
}

// readZone reads the item of a zone.
func (z *Zones) readZone(ctx context.Context, key Key) error {
	last := z.setRead(key)
	item, err := z.store.Get(ctx, key.item())
	if errors.Is(err, gatelodge.ErrNotFound) {
		z.have(key, nil, "")
		return nil
	} else if err != nil {
		z.mu.Lock()
		defer z.mu.Unlock()
		z.zones[key].read = false
		return err
	}
	r, err := decodeRecord(item.Data, key, last)
	if err != nil {
		z.log.Error("the stored record of a zone is not valid; the leader replaces it", "zone", key.Zone, "view", key.View, "item", key.item(), "error", err)
	}
	z.have(key, r, item.Version)
	return nil
}

// setRead records, before a read, that it happens, so that a change during the read
// causes another one. It returns what was read before.
func (z *Zones) setRead(key Key) *record {
	z.mu.Lock()
	defer z.mu.Unlock()
	e := z.zones[key]
	e.read = true
	return e.record
}

// have records the stored record of a zone.
func (z *Zones) have(key Key, r *record, itemVersion string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	e := z.zones[key]
	e.record, e.recordVersion = r, itemVersion
	z.unread.Raise()
	z.unsaid.Raise()
}

// Lead makes versions of new content and stores them, until ctx ends. Only the leader
// calls it.
func (z *Zones) Lead(ctx context.Context) {
	if z.store == nil {
		return
	}
	z.unsaid.Raise()
	for {
		select {
		case <-z.unsaid:
		case <-ctx.Done():
			return
		}
		pause := publishPause
		for _, key := range z.keys(func(*zone) bool { return true }) {
			start := time.Now()
			next, err := z.decide(ctx, key)
			if err == nil && next != nil {
				r := recordOf(next.version, next.before)
				pause = max(pause, workShare*time.Since(start))
				err = z.put(ctx, key, next, r)
			}
			if err != nil && ctx.Err() == nil {
				z.log.Error("the serial of a zone can't be stored; its last version stays published", "zone", key.Zone, "view", key.View, "error", err)
				pause = max(pause, retryPause)
				z.unsaid.Raise()
			}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// decision is what the leader has to store for a zone.
type decision struct {
	version *Version
	new     bool    // the version is not published yet
	before  *record // the record that it replaces; nil: none
	item    string  // the version of that item
}

// decide returns what has to be stored for a zone, or nil.
func (z *Zones) decide(ctx context.Context, key Key) (*decision, error) {
	if len(z.keys(func(e *zone) bool { return e.key == key && !e.read })) > 0 {
		if err := z.readZone(ctx, key); err != nil {
			return nil, err
		}
		z.prove(key)
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	e := z.zones[key]
	if e.built == nil {
		return nil, nil
	}
	if e.record != nil {
		e.see(e.record.serial)
	}
	if e.record == nil && !e.known && z.now().Sub(z.since) < publishPause {
		// An earlier process may have published a serial a moment ago, and its item may
		// be lost, so the serial must not be that of the same second.
		z.unsaid.Raise()
		return nil, nil
	}
	next := e.next(z.now())
	switch {
	case next != nil:
		return &decision{next, true, e.record, e.recordVersion}, nil
	case e.record != nil && e.record.serial == e.version.Serial && e.record.hash == e.version.hash:
		return nil, nil
	case e.record == nil && e.version.Serial == e.last:
		return &decision{e.version, false, nil, e.recordVersion}, nil // the item was deleted
	}
	// The item has another version, which no replica can have proven: the same content
	// gets a serial greater than both.
	again := *e.version
	again.Serial, again.Steps = nextSerial(e.last, e.known, z.now()), nil
	return &decision{&again, true, e.record, e.recordVersion}, nil
}

// put stores a version, and publishes it here at once; the other replicas follow.
func (z *Zones) put(ctx context.Context, key Key, d *decision, r *record) error {
	itemVersion, err := z.store.Put(ctx, key.item(), gatelodge.Item{Data: r.encode(key), Version: d.item})
	if errors.Is(err, gatelodge.ErrConflict) { // another leader, or a deletion: decide again
		z.itemChanged(key.item())
		z.unsaid.Raise()
		return nil
	} else if err != nil {
		return err
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if e := z.zones[key]; e.built != nil {
		e.record, e.recordVersion = r, itemVersion
		if d.new {
			z.publish(e, d.version)
		}
	}
	return nil
}

// recordOf returns the record of a version that replaces before.
func recordOf(v *Version, before *record) *record {
	if v.hash == "" {
		v.digest = digestOf(v.Zone, v.digest)
		v.hash = v.digest.String()
	}
	r := &record{serial: v.Serial, hash: v.hash, soa: header(v.Zone), steps: v.Steps, tried: make(map[*gatelodge.Zone]bool)}
	if before != nil && before.base != nil && leads(v.Steps, before.baseAt) {
		r.base, r.baseAt = before.base, before.baseAt
	} else if r.base = packBase(v.Zone); r.base != nil {
		r.baseAt = v.Serial
	}
	return r
}

// leads reports whether the steps start at a serial, and are not too many, in which
// case another base is due.
func leads(steps []*Step, from uint32) bool {
	size := 0
	for i := len(steps) - 1; i >= 0; i-- {
		if size += len(steps[i].text); size > maxStepBytes/2 || len(steps)-i > maxSteps/2 {
			return false
		}
		if steps[i].From == from {
			return true
		}
	}
	return false
}
