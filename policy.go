package gatelodge

import (
	"maps"
	"slices"
	"time"
)

// Policy is what a Route asks for in addition to its Backend. It is validated, and
// code that applies it does not check it again. The zero Policy asks for nothing.
//
// A new policy is a field here, a row in kube/annotations and a file in
// proxy with one line in proxy/handler.go.
type Policy struct {
	// Unavailable, if not empty, says why the policy can't be applied: the route
	// answers 503 rather than serve without a protection that was asked for.
	Unavailable string

	Redirect   Redirect
	RedirectTo *RedirectTo // nil: the backend answers
	AppRoot    string      // path and query that "/" is redirected to (302); "": it is not

	Rewrite         *Rewrite // nil: the backend gets the client's path
	UpstreamHost    string   // the Host field that the backend gets; "": the client's
	ForwardedPrefix string   // the X-Forwarded-Prefix that the backend gets; "": none

	Fields  *FieldEdits // nil: none are changed
	CORS    *CORS       // nil: it is the backend's
	Snippet *Snippet    // nil: there is none

	ErrorPages *ErrorPages // nil: errors are answered as they are

	BackendURLs *BackendURLs // nil: those in the backend's responses stay

	Mirror *Mirror // nil: requests are not mirrored

	HSTS      *string    // the Strict-Transport-Security field, "" for none; nil: what Settings.HSTS says
	AllowFrom Networks   // the addresses of clients that are let in; nil: all
	DenyFrom  Networks   // those that are not, whatever AllowFrom says
	BasicAuth *BasicAuth // nil: credentials are not asked for

	ExternalAuth *ExternalAuth // nil: no service is asked
	SatisfyAny   bool          // one of AllowFrom, BasicAuth and ExternalAuth is enough

	AnyClientCertificate bool // the host's ClientAuth does not hold here

	LoadBalance Algorithm       // AlgorithmUnset: what Settings.Balancing says, as for SlowStart
	SlowStart   *time.Duration  // how long a new endpoint takes to get its full share; nil: see LoadBalance
	Affinity    *Affinity       // goes before HashBy; nil: clients have no sessions
	Ejection    *EjectionChange // of Settings.Ejection; nil: none
	HashBy      *HashBy         // goes before LoadBalance; nil: requests are not hashed

	ClientLimits  *ClientLimits
	BodyBytes     *int64 // of a request's body, 0: no limit; nil: what Limits.BodyBytes says
	BackendLimits *BackendLimits
	Bandwidth     *Bandwidth
	Timeouts      *RouteTimeouts // nil: what Settings.Timeouts says
	Retries       *RetryRules

	Compression *Compression

	Views []string // whose listeners serve the route, in the configuration's order; nil: those of all

	Unlogged  bool // its requests have no line in the access log
	Buffering *Buffering
	Tracing   *TraceRules
}

// Redirect says when a request in clear text is sent to HTTPS.
type Redirect uint8

// The choices of ssl-redirect and force-ssl-redirect.
const (
	RedirectAuto   Redirect = iota // when the host has a valid certificate
	RedirectNever                  // ssl-redirect: "false"
	RedirectAlways                 // force-ssl-redirect: "true"
)

// RedirectTo answers every request with a redirect. It comes before everything that
// asks who the client is, and after the steps of a Snippet.
type RedirectTo struct {
	Status   uint16 // 301, 302, 303, 307 or 308
	Location Template
}

// BasicAuth asks for a user and a password (RFC 7617).
type BasicAuth struct {
	Realm string // shown to the user
	Users map[string]PasswordHash
}

// SameProtection reports whether the two let in the same clients, and as much of
// each. Every protection of a Policy is compared here, so that no request passes one by
// being read as another (Settings.AmbiguousPaths). Those of a Host, such as
// ClientAuth, hold for all of its routes that don't say otherwise.
func (p *Policy) SameProtection(q *Policy) bool {
	return p == q ||
		(p.Unavailable != "") == (q.Unavailable != "") &&
			p.AnyClientCertificate == q.AnyClientCertificate &&
			slices.Equal(p.AllowFrom, q.AllowFrom) && slices.Equal(p.DenyFrom, q.DenyFrom) &&
			p.BasicAuth.sameUsers(q.BasicAuth) &&
			p.Snippet.sameProtection(q.Snippet) &&
			p.ExternalAuth.equal(q.ExternalAuth) && p.SatisfyAny == q.SatisfyAny &&
			p.ClientLimits.equal(q.ClientLimits) &&
			same(p.BodyBytes, q.BodyBytes) &&
			same(p.BackendLimits, q.BackendLimits)
}

func (b *BasicAuth) sameUsers(c *BasicAuth) bool {
	return b == c || b != nil && c != nil && maps.Equal(b.Users, c.Users)
}

// same reports whether both are nil, or neither is and what they point to is equal.
func same[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}
