package gatelodge

import (
	"fmt"
	"strings"
	"time"
)

// Affinity sends the requests of a client to the same endpoint, by a cookie that
// the gateway sets.
type Affinity struct {
	Cookie string // the cookie's name

	// Persistent makes the cookie name the endpoint, and the session stays there
	// until the endpoint is gone. Otherwise the cookie's value is hashed, so a new
	// endpoint takes over its share of the sessions.
	Persistent bool

	// ChangeOnFailure moves the session to another endpoint when its own fails.
	// Otherwise the session stays, and only the request that could not be sent goes
	// elsewhere.
	ChangeOnFailure bool

	// Attributes of the cookie (RFC 6265 §4.1.2). It is always HttpOnly.
	Expires, MaxAge *time.Duration // nil: without the attribute
	Path            string         // "": the route's path
	Domain          Name           // "": the request's host only
	SameSite        string         // "Strict", "Lax" or "None"; "": without the attribute
	Secure          *bool          // nil: only if the client uses HTTPS
	Partitioned     bool           // a separate session for each embedding site (CHIPS)

	// ConditionalSameSiteNone omits SameSite=None for browsers that treat it as
	// Strict or reject the cookie.
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
