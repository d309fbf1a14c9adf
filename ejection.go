package gatelodge

import (
	"fmt"
	"strings"
	"time"
)

// Ejection says when an endpoint whose tries fail is left alone for a while.
type Ejection struct {
	// Failures is how many tries in a row have to fail. Among others a failure
	// counts twice as much as a success, so that an endpoint is ejected, too,
	// that fails more often than every third time. 0: there is no ejection.
	Failures int
	Time     time.Duration // for the first time; it doubles while the endpoint goes on failing
	Share    float64       // of the endpoints that may be out at a time, from 0 to 1: one at least, and never all
}

// EjectionChange is what a Policy changes of an Ejection. A nil field leaves it as
// it is.
type EjectionChange struct {
	Failures *int
	Time     *time.Duration
	Share    *float64
}

// Changed returns e with a change; nil is none.
func (e Ejection) Changed(change *EjectionChange) Ejection {
	if change == nil {
		return e
	}
	if change.Failures != nil {
		e.Failures = *change.Failures
	}
	if change.Time != nil {
		e.Time = *change.Time
	}
	if change.Share != nil {
		e.Share = *change.Share
	}
	return e
}

// String lists what is changed, each item after a space.
func (c *EjectionChange) String() string {
	var b strings.Builder
	if c.Failures != nil {
		fmt.Fprintf(&b, " ejection-failures=%d", *c.Failures)
	}
	if c.Time != nil {
		fmt.Fprintf(&b, " ejection-time=%s", *c.Time)
	}
	if c.Share != nil {
		fmt.Fprintf(&b, " ejection-share=%g%%", *c.Share*100)
	}
	return b.String()
}
