package gatelodge

import (
	"crypto/x509"
	"regexp"
)

// ClientAuth is a Host's rule for client certificates. There is one for the whole
// Host, because a client sends its certificate before it requests a path.
type ClientAuth struct {
	// Unavailable, when not empty, says why the rule can't be applied: the Host
	// answers 503 rather than let all clients in. Of the other fields only Object
	// is set then.
	Unavailable string

	Object  Object // the object that made the rule
	Trust   *ClientTrust
	Mode    ClientAuthMode
	Subject *regexp.Regexp // what the subject's distinguished name (RFC 2253) has to match; nil: any

	ErrorPage       string // the URL to redirect refused clients to; "": none
	PassCertificate bool   // pass the certificate itself to the backend, not only its fields
}

// ClientAuthMode says which clients a Host refuses.
type ClientAuthMode string

// The modes, named as in ingress-nginx's auth-tls-verify-client.
const (
	ClientAuthOn           ClientAuthMode = "on"             // those without a certificate, or with one that can't be trusted
	ClientAuthOptional     ClientAuthMode = "optional"       // those with one that can't be trusted
	ClientAuthOptionalNoCA ClientAuthMode = "optional_no_ca" // like optional, but accepts certificates of unknown CAs: the backend decides
)

// ClientTrust is the part of a ClientAuth that handshakes need.
type ClientTrust struct {
	// Key identifies the content. Hosts with the same key can share connections
	// and sessions; others never do.
	Key         string
	Authorities []*x509.Certificate    // the CAs that are trusted to sign clients' certificates; never empty
	Revocations []*x509.RevocationList // each signed by one of Authorities; empty: nothing is known to be revoked
	Depth       int                    // the most certificates between a client's and an authority's
}

// ClientCertificate is a client's certificate from a handshake with a ClientTrust.
type ClientCertificate struct {
	Leaf      *x509.Certificate
	Failure   string // why it can't be trusted; "": it can
	UnknownCA bool   // Failure is that its CA is unknown
	Subject   string // distinguished name (RFC 2253), printable
	Issuer    string // likewise
}
