package gatelodge

import (
	"fmt"
	"regexp"
	"strings"
)

// Canary is a second Backend of a Route, for a part of its requests: those that ask
// for it by a header field or a cookie, and a random share of the others. The
// checks run in the order of the fields, and the first that decides wins.
type Canary struct {
	Backend BackendKey // a Backend of the same Snapshot; while it has no endpoints, the Route's Backend gets all requests
	Policy  *Policy    // the Route's Policy, except for how an endpoint is chosen
	Object  Object     // the object that asked for it

	// Header is a field name in lower case; "" skips this check. Its value is
	// compared with Value, or matched with Pattern, or else must be CanaryAlways or
	// CanaryNever to decide.
	Header  string
	Value   string         // "": not compared
	Pattern *regexp.Regexp // nil: not matched

	Cookie string // name of a cookie that decides if its value is CanaryAlways or CanaryNever; "": no such check

	Weight, Total int // Weight of every Total requests go to the canary; Total is at least 1
}

// Values of a header field or cookie that decide for or against a Canary. With any
// other value the next check decides.
const (
	CanaryAlways = "always"
	CanaryNever  = "never"
)

// String lists the checks, each after a space.
func (c *Canary) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, " canary=%s by %s", c.Backend, c.Object)
	if c.Header != "" {
		fmt.Fprintf(&b, " header=%s", c.Header)
	}
	if c.Value != "" {
		fmt.Fprintf(&b, " value=%q", c.Value)
	}
	if c.Pattern != nil {
		fmt.Fprintf(&b, " pattern=%q", c.Pattern)
	}
	if c.Cookie != "" {
		fmt.Fprintf(&b, " cookie=%q", c.Cookie)
	}
	fmt.Fprintf(&b, " weight=%d/%d", c.Weight, c.Total)
	if p := c.Policy; p.LoadBalance != AlgorithmUnset {
		fmt.Fprintf(&b, " load-balance=%s", p.LoadBalance)
	}
	if c.Policy.HashBy != nil {
		fmt.Fprintf(&b, " hash-by=%s", c.Policy.HashBy)
	}
	if c.Policy.Affinity != nil {
		b.WriteString(" sticky")
	}
	return b.String()
}
