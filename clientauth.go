package gatelodge

import (
	"crypto/x509"
	"regexp"
)

// ClientAuth is a Host's rule for client certificates. It applies to the whole
// Host, because a client sends its certificate before it requests a path.
type ClientAuth struct {
	// Unavailable, if not empty, says why the rule can't be applied. The Host then
	// answers 503 rather than let all clients in, and Object is the only other
	// field that is set.
	Unavailable string

	Object  Object // the object that made the rule
	Trust   *ClientTrust
	Mode    ClientAuthMode
	Subject *regexp.Regexp // must match the subject's distinguished name (RFC 2253); nil: any subject

	ErrorPage       string // URL that refused clients are redirected to; "": none
	PassCertificate bool   // send the backend the certificate itself, not only its fields
}

// ClientAuthMode says which clients a Host accepts.
type ClientAuthMode string

// The modes, named as in ingress-nginx's auth-tls-verify-client.
const (
	ClientAuthOn           ClientAuthMode = "on"             // a client needs a trusted certificate
	ClientAuthOptional     ClientAuthMode = "optional"       // a client may have no certificate, but not an untrusted one
	ClientAuthOptionalNoCA ClientAuthMode = "optional_no_ca" // like optional, but certificates of unknown CAs are accepted: the backend decides
)

// ClientTrust is the part of a ClientAuth that TLS handshakes need.
type ClientTrust struct {
	// Key identifies the content. Only hosts with the same key may share
	// connections and sessions.
	Key         string
	Authorities []*x509.Certificate    // the CAs trusted to sign client certificates; never empty
	Revocations []*x509.RevocationList // each signed by one of Authorities; empty: no revocations are known
	Depth       int                    // maximum number of intermediates between the client's certificate and an authority
}

// ClientCertificate is the certificate that a client presented in a handshake with a ClientTrust.
type ClientCertificate struct {
	Leaf      *x509.Certificate
	Failure   string // why it is not trusted; "": it is
	UnknownCA bool   // the reason is that its CA is unknown
	Subject   string // distinguished name (RFC 2253), printable
	Issuer    string // likewise
}
