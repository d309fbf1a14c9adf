package main

import (
	"os"
	"runtime/debug"
)

// gcSteps are how much garbage may gather, in percent of the live heap, from how
// many hosts on (runtime/debug.SetGCPercent). A large snapshot is a large heap
// that hardly changes, and by default Go lets as much garbage again gather.
// Collecting sooner costs a large heap little, because few allocations of requests
// survive. With few hosts the heap is small either way, and collecting more often
// would cost requests more than it saves.
var gcSteps = []struct{ hosts, percent int }{{10_000, 25}, {2000, 50}}

// gcTuner sets how much garbage the Go runtime lets gather, unless the
// environment sets GOGC.
type gcTuner struct {
	usual int // the runtime's initial percentage; 0 before start
	now   int
}

// start is for the first reading of all objects, which may be many.
func (t *gcTuner) start() {
	if os.Getenv("GOGC") == "" {
		t.now = gcSteps[0].percent
		t.usual = debug.SetGCPercent(t.now)
	}
}

// serves tells it how many hosts are live.
func (t *gcTuner) serves(hosts int) {
	if t.usual == 0 {
		return
	}
	percent := t.usual
	for _, step := range gcSteps {
		if hosts >= step.hosts {
			percent = step.percent
			break
		}
	}
	if percent != t.now {
		debug.SetGCPercent(percent)
		t.now = percent
	}
}
