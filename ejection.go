package gatelodge

import (
	"fmt"
	"strings"
	"time"
)

// Ejection says when an endpoint whose attempts fail is taken out for a while.
type Ejection struct {
	// Failures is the number of consecutive failures that ejects an endpoint. Mixed
	// results count too: a failure weighs twice as much as a success, so an
	// endpoint that fails more than every third time is ejected. 0 turns ejection
	// off.
	Failures int
	Time     time.Duration // the first ejection; it doubles while the endpoint keeps failing
	Share    float64       // the maximum share of endpoints that may be out, 0 to 1: at least one, and never all
}

// EjectionChange is how a Policy overrides an Ejection. A nil field leaves the
// value unchanged.
type EjectionChange struct {
	Failures *int
	Time     *time.Duration
	Share    *float64
}

// Changed returns e with the change applied. A nil change changes nothing.
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

// String lists the overrides, each after a space.
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
