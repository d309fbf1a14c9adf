package dnsserve

import (
	"maps"
	"sync"

	"gatelodge.dev/dnsserve/versions"
)

// counts counts events by labels, one of which is a zone in a view.
type counts[L zoned] struct {
	mu sync.Mutex
	of map[L]uint64
}

// zoned is the labels of a count.
type zoned interface {
	comparable
	about() versions.Key
}

func (c *counts[L]) add(l L) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = make(map[L]uint64)
	}
	c.of[l]++
}

// all returns the counts so far.
func (c *counts[L]) all() map[L]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.of)
}

// forget drops the counts of zones that t does not have.
func (c *counts[L]) forget(t *table) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.of, func(l L, _ uint64) bool { return !t.hasZone(l.about()) })
}
