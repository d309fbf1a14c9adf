package main

import (
	"os"
	"runtime/debug"
)

// A large snapshot is a large heap that hardly changes, and Go's default lets as
// much garbage again gather beside it. Half of that is enough there: what is
// collected sooner costs little, because few of the requests' allocations
// outlive them. Below manyHosts the heap is small either way, and collecting
// more often would cost requests more than it saves.
const (
	manyHosts    = 2000
	largePercent = 50 // of the heap that lives, see runtime/debug.SetGCPercent
)

// collector sets how much garbage the Go runtime lets gather. Who sets GOGC
// decides that himself.
type collector struct {
	usual int // what the runtime began with
	large bool
}

// serves hears how many hosts are live.
func (c *collector) serves(hosts int) {
	if large := hosts >= manyHosts; large != c.large && os.Getenv("GOGC") == "" {
		c.large = large
		if large {
			c.usual = debug.SetGCPercent(largePercent)
		} else {
			debug.SetGCPercent(c.usual)
		}
	}
}
