package gatelodge

import (
	"fmt"
	"slices"
)

// ErrorPages has a Backend of its own answer in place of errors.
type ErrorPages struct {
	Backend  BackendKey // of a Backend in the same Snapshot
	Statuses []uint16   // sorted, from 300 to 599

	// OwnOnly passes on what the route's Backend answers, so that the gateway's own
	// errors alone have pages.
	OwnOnly bool
	// StandIn has Backend get the requests of a route whose own has no endpoints.
	StandIn bool
}

// Has reports whether a status has a page.
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
