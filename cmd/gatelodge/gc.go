package main

import (
	"os"
	"runtime/debug"
)

// A large snapshot is a large heap that hardly changes, and by default Go lets
// as much garbage again gather. With a large heap half of that is enough:
// collecting sooner costs little, because few allocations of requests survive.
// Below manyHosts the heap is small either way, and collecting more often would
// cost requests more than it saves.
const (
	manyHosts    = 2000
	largePercent = 50 // of the live heap, see runtime/debug.SetGCPercent
)

// gcTuner sets how much garbage the Go runtime lets gather, unless the
// environment sets GOGC.
type gcTuner struct {
	usual int // the runtime's initial percentage
	large bool
}

// serves tells it how many hosts are live.
func (t *gcTuner) serves(hosts int) {
	if large := hosts >= manyHosts; large != t.large && os.Getenv("GOGC") == "" {
		t.large = large
		if large {
			t.usual = debug.SetGCPercent(largePercent)
			go debug.FreeOSMemory() // what reading all objects for the first time left behind
		} else {
			debug.SetGCPercent(t.usual)
		}
	}
}
