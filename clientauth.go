package gatelodge

import (
	"crypto/x509"
	"regexp"
)

// ClientAuth is what a Host asks of the certificates that clients show. It is
// one rule for the whole Host: a client shows its certificate before it says
// which path it wants.
type ClientAuth struct {
	// Unavailable, when not empty, tells why the rule can't be kept: the Host
	// answers 503 rather than let everybody in. Of the other fields only
	// Object is set then.
	Unavailable string

	Object  Object // the object that made the rule
	Trust   *ClientTrust
	Mode    ClientAuthMode
	Subject *regexp.Regexp // what the subject's distinguished name (RFC 2253) has to match; nil: any will do

	ErrorPage       string // the URL that who is refused is sent to; "": there is none
	PassCertificate bool   // hand the certificate to the backend, not only what it says
}

// ClientAuthMode says whom a Host refuses.
type ClientAuthMode string

// The modes, named as in ingress-nginx's auth-tls-verify-client.
const (
	ClientAuthOn           ClientAuthMode = "on"             // whoever shows no certificate, or one that can't be trusted
	ClientAuthOptional     ClientAuthMode = "optional"       // whoever shows one that can't be trusted
	ClientAuthOptionalNoCA ClientAuthMode = "optional_no_ca" // as optional, but lets in those whom no authority vouches for: the backend decides
)

// ClientTrust is the part of a ClientAuth that a handshake is made under.
type ClientTrust struct {
	// Key tells one content from any other. Hosts with the same key can share
	// connections and sessions, and others never do.
	Key         string
	Authorities []*x509.Certificate    // who is trusted to vouch for clients; never empty
	Revocations []*x509.RevocationList // each signed by one of Authorities; empty: nothing is known to be revoked
	Depth       int                    // the most certificates between a client's and an authority's
}

// ClientCertificate is what a client showed in a handshake under a ClientTrust.
type ClientCertificate struct {
	Leaf      *x509.Certificate
	Failure   string // why it can't be trusted; "": it can
	UnknownCA bool   // the Failure is that its CA is not known
	Subject   string // distinguished name (RFC 2253), printable
	Issuer    string // likewise
}
