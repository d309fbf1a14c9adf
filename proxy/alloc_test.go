//go:build !race

// The race detector lets sync.Pool forget at random, so this holds without it.

package proxy

import (
	"testing"

	gatelodge "gatelodge.dev"
)

// TestPlainRouteAllocates: a policy costs only where it is used.
func TestPlainRouteAllocates(t *testing.T) {
	if n := testing.AllocsPerRun(2000, forwarding(t, &gatelodge.Policy{})); n > 1 {
		t.Errorf("%v allocations, want one: the request's ID", n)
	}
}
