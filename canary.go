package gatelodge

import (
	"fmt"
	"regexp"
	"strings"
)

// Canary is a second Backend of a Route, for a part of its requests: those that say
// so in a header field or a cookie, and of the others a share at random. What
// is asked for first decides.
type Canary struct {
	Backend BackendKey // of a Backend in the same Snapshot; while it has no endpoints, that of the Route gets all requests
	Policy  *Policy    // that of the Route, but for how an endpoint is chosen
	Object  Object     // the object that asked for it

	// Header is the name of a field, in lower case; "": none decides. Its value is
	// compared with Value, or with Pattern, or else is CanaryAlways or CanaryNever.
	Header  string
	Value   string         // "": any
	Pattern *regexp.Regexp // nil: none

	Cookie string // the name of a cookie whose value is CanaryAlways or CanaryNever; "": none decides

	Weight, Total int // Weight of Total requests go there; Total is at least 1
}

// What a header field or a cookie says to decide for or against a Canary. Any other
// value leaves it to what is asked next.
const (
	CanaryAlways = "always"
	CanaryNever  = "never"
)

// String lists how it is decided, each item after a space.
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
