package gatelodge

import (
	"maps"
	"slices"
	"time"
)

// Policy is what a Route asks for in addition to its Backend. It is already
// validated; the code that applies it does not check it again. The zero Policy asks
// for nothing.
//
// A new policy is a field here, a row in kube/annotations and a file in
// proxy with one line in proxy/handler.go.
type Policy struct {
	// Unavailable, if not empty, says why the policy can't be applied. The route
	// then answers 503 rather than serve without a protection that was asked for.
	Unavailable string

	Redirect   Redirect
	RedirectTo *RedirectTo // nil: the backend answers
	AppRoot    string      // path and query that "/" is redirected to (302); "": no redirect

	Rewrite         *Rewrite // nil: the path is passed on unchanged
	UpstreamHost    string   // the Host field sent to the backend; "": the client's
	ForwardedPrefix string   // the X-Forwarded-Prefix field sent to the backend; "": none

	Fields  *FieldEdits // nil: no fields are changed
	CORS    *CORS       // nil: left to the backend
	Snippet *Snippet    // nil: none

	ErrorPages *ErrorPages // nil: error responses are unchanged

	BackendURLs *BackendURLs // nil: URLs in the backend's responses are unchanged

	Mirror *Mirror // nil: requests are not mirrored

	HSTS      *string    // the Strict-Transport-Security field, "" for none; nil: the value of Settings.HSTS
	AllowFrom Networks   // addresses of clients that are let in; nil: all
	DenyFrom  Networks   // addresses of clients that are refused, even if in AllowFrom
	BasicAuth *BasicAuth // nil: no password is required

	ExternalAuth *ExternalAuth // nil: no service is asked
	SatisfyAny   bool          // a client has to satisfy only one of AllowFrom, BasicAuth and ExternalAuth

	AnyClientCertificate bool // the host's ClientAuth does not apply to this route

	LoadBalance Algorithm       // AlgorithmUnset: Settings.Balancing decides, for SlowStart as well
	SlowStart   *time.Duration  // how long a new endpoint takes to reach its full share; nil: see LoadBalance
	Affinity    *Affinity       // takes precedence over HashBy; nil: no sticky sessions
	Ejection    *EjectionChange // overrides of Settings.Ejection; nil: none
	HashBy      *HashBy         // takes precedence over LoadBalance; nil: requests are not hashed

	ClientLimits  *ClientLimits
	BodyBytes     *int64 // maximum request body, 0: unlimited; nil: Limits.BodyBytes
	BackendLimits *BackendLimits
	Bandwidth     *Bandwidth
	Timeouts      *RouteTimeouts // nil: Settings.Timeouts
	Retries       *RetryRules

	Compression *Compression

	Views []string // views that serve the route, in the configuration's order; nil: all

	Unlogged  bool // its requests are left out of the access log
	Buffering *Buffering
	Tracing   *TraceRules
}

// Redirect says when a clear-text request is redirected to HTTPS.
type Redirect uint8

// The values of ssl-redirect and force-ssl-redirect.
const (
	RedirectAuto   Redirect = iota // when the host has a valid certificate
	RedirectNever                  // ssl-redirect: "false"
	RedirectAlways                 // force-ssl-redirect: "true"
)

// RedirectTo answers every request with a redirect. It runs after the steps of a
// Snippet, and before any authentication.
type RedirectTo struct {
	Status   uint16 // 301, 302, 303, 307 or 308
	Location Template
}

// BasicAuth requires a user name and password (RFC 7617).
type BasicAuth struct {
	Realm string // shown to the user
	Users map[string]PasswordHash
}

// SameProtection reports whether p and q admit the same clients and the same amount
// of traffic from each. It compares every protection of a Policy, so that a path
// that can be read as another (Settings.AmbiguousPaths) cannot evade one.
// Protections of a Host, such as ClientAuth, apply to all of its routes unless a
// route opts out.
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

// same reports whether both are nil, or both point to equal values.
func same[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}
