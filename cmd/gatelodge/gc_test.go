package main

import (
	"runtime/debug"
	"testing"
)

// gcPercent returns the runtime's current setting.
func gcPercent() int {
	percent := debug.SetGCPercent(100)
	debug.SetGCPercent(percent)
	return percent
}

func TestGCWithManyHosts(t *testing.T) {
	t.Setenv("GOGC", "")
	usual := gcPercent()
	t.Cleanup(func() { debug.SetGCPercent(usual) })
	var c gcTuner
	for _, step := range []struct{ hosts, want int }{
		{manyHosts - 1, usual},
		{manyHosts, largePercent},
		{5 * manyHosts, largePercent},
		{0, usual},
		{manyHosts, largePercent},
	} {
		c.serves(step.hosts)
		if got := gcPercent(); got != step.want {
			t.Errorf("%d hosts: GOGC is %d, want %d", step.hosts, got, step.want)
		}
	}
}

func TestGOGCIsKept(t *testing.T) {
	t.Setenv("GOGC", "75")
	usual := gcPercent()
	var c gcTuner
	c.serves(manyHosts)
	if got := gcPercent(); got != usual {
		t.Errorf("GOGC became %d, want %d as before", got, usual)
	}
}
