package gatelodge

// Policy is what a Route asks for beside its Backend. It is validated: whoever
// applies it checks nothing again. The zero Policy asks for nothing.
//
// A new policy is a field here, a row in kube/intent/annotations.go and a file in
// proxy with one line in proxy/handler.go.
type Policy struct {
	// Unavailable, when not empty, tells why the policy can't be kept: the
	// route answers 503 rather than serve without a protection asked for.
	Unavailable string

	Redirect  Redirect
	HSTS      *string    // the Strict-Transport-Security field, "" for none; nil: what Settings.HSTS says
	BasicAuth *BasicAuth // nil: no credentials are asked for
}

// Redirect says when a request in clear text is sent to HTTPS.
type Redirect uint8

// The choices of ssl-redirect and force-ssl-redirect.
const (
	RedirectAuto   Redirect = iota // when the host has a valid certificate
	RedirectNever                  // ssl-redirect: "false"
	RedirectAlways                 // force-ssl-redirect: "true"
)

// BasicAuth asks for a user and a password (RFC 7617).
type BasicAuth struct {
	Realm string // shown to the user
	Users map[string]PasswordHash
}
