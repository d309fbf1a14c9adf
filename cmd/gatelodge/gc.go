package main

import (
	"os"
	"runtime/debug"
)

// gcSteps set how much garbage may collect, in percent of the live heap, by the number
// of hosts (runtime/debug.SetGCPercent). A large snapshot is a large heap that hardly
// changes, and by default Go lets the same amount of garbage collect. Collecting
// earlier costs a large heap little, because few allocations of requests survive. With
// few hosts the heap is small, and collecting more often would cost requests more than
// it saves.
var gcSteps = []struct{ hosts, percent int }{{10_000, 25}, {2000, 50}}

// gcTuner sets how much garbage may collect, unless the environment sets GOGC.
type gcTuner struct {
	usual int // the runtime's initial percentage; 0 before start
	now   int
}

// start is called before the first reading of all objects, which may be many.
func (t *gcTuner) start() {
	if os.Getenv("GOGC") == "" {
		t.now = gcSteps[0].percent
		t.usual = debug.SetGCPercent(t.now)
	}
}

// serves sets the number of live hosts.
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
