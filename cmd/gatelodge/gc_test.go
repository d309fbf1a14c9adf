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
	c.start()
	if got := gcPercent(); got != 25 {
		t.Errorf("at the start GOGC is %d, want 25", got)
	}
	for _, step := range []struct{ hosts, want int }{
		{1999, usual}, {2000, 50}, {9999, 50}, {10_000, 25}, {0, usual}, {50_000, 25},
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
	c.start()
	c.serves(50_000)
	if got := gcPercent(); got != usual {
		t.Errorf("GOGC became %d, want %d as before", got, usual)
	}
}
