package gatelodge

import (
	"fmt"
	"slices"
)

// ErrorPages replaces error responses by those of another Backend.
type ErrorPages struct {
	Backend  BackendKey // of a Backend in the same Snapshot
	Statuses []uint16   // sorted, from 300 to 599

	// OwnOnly replaces only the gateway's own errors; error responses of the
	// route's Backend pass through.
	OwnOnly bool
	// StandIn sends requests to Backend while the route's own Backend has no endpoints.
	StandIn bool
}

// Has reports whether responses with this status are replaced.
func (e *ErrorPages) Has(status int) bool {
	_, found := slices.BinarySearch(e.Statuses, uint16(status))
	return found
}

// String lists what is asked for.
func (e *ErrorPages) String() string {
	text := fmt.Sprintf(" error-pages=%s statuses=%v", e.Backend, e.Statuses)
	if e.OwnOnly {
		text += " own-only"
	}
	if e.StandIn {
		text += " stand-in"
	}
	return text
}
