package cluster

import (
	"slices"

	"gatelodge.dev/kube/objects"
)

// merged contains the objects of several feeds. A change in a feed costs only that
// change.
type merged struct {
	objects objects.Objects
	keys    []feedKey
	ofKind  map[string][]feedKey // the keys; where feeds have the same object, the first counts
	took    map[feedKey]fed      // the content taken from each feed
}

// with returns the objects of other feeds, which shares the common part with m.
func (m *merged) with(keys []feedKey, feeds map[feedKey]*feed) *merged {
	if m == nil {
		m = &merged{}
	} else if slices.Equal(m.keys, keys) {
		return m
	}
	next := &merged{objects: m.objects, keys: slices.Clone(keys), ofKind: make(map[string][]feedKey), took: make(map[feedKey]fed, len(keys))}
	wanted := make(map[feedKey]bool, len(keys))
	for _, key := range keys {
		if key.record {
			continue
		}
		wanted[key] = true
		next.ofKind[key.kind] = append(next.ofKind[key.kind], key)
		if took, ok := m.took[key]; ok {
			next.took[key] = took
		}
	}
	for key := range m.took {
		if !wanted[key] {
			next.change(key, m.took[key], fed{})
		}
	}
	for key := range wanted {
		next.take(key, feeds[key].read())
	}
	return next
}

// take takes over the current content of a feed.
func (m *merged) take(key feedKey, now fed) {
	before := m.took[key]
	m.took[key] = now
	m.change(key, before, now)
}

func (m *merged) change(key feedKey, before, now fed) {
	kind := objects.KindOf(key.kind)
	if feeds := m.ofKind[key.kind]; len(feeds) == 1 && feeds[0] == key {
		kind.Share(&m.objects, &now.objects) // and no second Table
	} else {
		edit := kind.Edit(&m.objects)
		for name := range kind.Changes(&before.objects, &now.objects) {
			edit.Set(name, nil)
			for _, feed := range feeds {
				took := m.took[feed]
				if object := kind.Get(&took.objects, name); object != nil {
					edit.Set(name, object)
					break
				}
			}
		}
		edit.Done()
	}
	if before.relist != now.relist {
		m.objects.Relists = nil
		for _, took := range m.took {
			if took.relist != nil {
				m.objects.Relists = append(m.objects.Relists, took.relist)
			}
		}
	}
}
