package gatelodge

import (
	"fmt"
	"strings"
	"time"
)

// Affinity keeps the requests of a client at one endpoint, by a cookie that the
// gateway sets.
type Affinity struct {
	Cookie string // its name

	// Persistent: the cookie names the endpoint, and the session stays there
	// until that goes. Otherwise its value is hashed, so that an endpoint that
	// comes takes its share of the sessions.
	Persistent bool

	// ChangeOnFailure gives the client another endpoint when its own fails.
	// Otherwise the session stays, and a request that can't be sent there goes
	// to another endpoint by itself.
	ChangeOnFailure bool

	// Attributes of the cookie (RFC 6265 §4.1.2). It is always HttpOnly.
	Expires, MaxAge *time.Duration // nil: the cookie does not have it
	Path            string         // "": that of the route
	Domain          Name           // "": the host alone
	SameSite        string         // "Strict", "Lax" or "None"; "": the cookie does not have it
	Secure          *bool          // nil: if the client uses HTTPS
	Partitioned     bool           // one session for each site that embeds this one (CHIPS)

	// ConditionalSameSiteNone leaves SameSite=None out for browsers that take it
	// for Strict, or drop the cookie.
	ConditionalSameSiteNone bool
}

// String lists what is asked for.
func (a *Affinity) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q", a.Cookie)
	if a.Persistent {
		b.WriteString(" persistent")
	}
	if a.ChangeOnFailure {
		b.WriteString(" change-on-failure")
	}
	if a.Expires != nil {
		fmt.Fprintf(&b, " expires=%s", *a.Expires)
	}
	if a.MaxAge != nil {
		fmt.Fprintf(&b, " max-age=%s", *a.MaxAge)
	}
	if a.Path != "" {
		fmt.Fprintf(&b, " path=%q", a.Path)
	}
	if a.Domain != "" {
		fmt.Fprintf(&b, " domain=%s", a.Domain)
	}
	if a.SameSite != "" {
		fmt.Fprintf(&b, " samesite=%s", a.SameSite)
	}
	if a.ConditionalSameSiteNone {
		b.WriteString(" conditional-samesite-none")
	}
	if a.Secure != nil {
		fmt.Fprintf(&b, " secure=%t", *a.Secure)
	}
	if a.Partitioned {
		b.WriteString(" partitioned")
	}
	return b.String()
}
