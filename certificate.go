package gatelodge

import (
	"crypto/tls"
	"crypto/x509"
	"time"
)

// CertificateSource says where a Certificate comes from.
type CertificateSource string

// The sources of certificates; the first that has one for a host wins.
const (
	FromSecret  CertificateSource = "secret"  // the Secret named by an Ingress
	FromACME    CertificateSource = "acme"    // issued to the gateway
	FromDefault CertificateSource = "default" // configured for every host it covers
)

// Certificate is a chain with its key, and what is known of it.
type Certificate struct {
	Source      CertificateSource
	Object      Object    // the Secret that holds it
	Names       []Name    // the DNS names it is for, sorted
	NotBefore   time.Time // first moment at which it is valid
	NotAfter    time.Time // last moment at which it is valid
	Fingerprint string    // SHA-256 of the leaf, lower-case hex
	KeyHash     string    // SHA-256 of its SubjectPublicKeyInfo, lower-case hex
	Algorithm   x509.PublicKeyAlgorithm
	KeyPair     *tls.Certificate // without Leaf, which takes 2 KiB; never printed
	Flaw        *Flaw            // why it is to be replaced at once; nil: nothing is known
}

// Flaw is what makes a certificate worthless before its end. It is still shown where
// there is no other: who has its key has it anyhow, and clients that know of the flaw
// refuse it themselves.
type Flaw struct {
	Kind FlawKind
	Text string // completes a sentence that begins with the certificate
}

// FlawKind is the class of a Flaw. The set is small and fixed: it labels a metric.
type FlawKind string

// The kinds of flaws.
const (
	FlawedKey FlawKind = "key"     // others have its key, or can compute it
	Revoked   FlawKind = "revoked" // by its CA
)

// ValidAt reports whether t is in the certificate's period of validity.
func (c *Certificate) ValidAt(t time.Time) bool {
	return !t.Before(c.NotBefore) && !t.After(c.NotAfter)
}

// Covers reports whether the certificate is for host, by a name or a wildcard of
// one label (RFC 6125 §6.4.3).
func (c *Certificate) Covers(host Name) bool {
	for _, n := range c.Names {
		if n.Matches(host) {
			return true
		}
	}
	return false
}

// ChallengeType is a way to prove control of a name to an ACME CA.
type ChallengeType string

// The challenges of RFC 8555 and RFC 8737.
const (
	DNS01     ChallengeType = "dns-01"
	HTTP01    ChallengeType = "http-01"
	TLSALPN01 ChallengeType = "tls-alpn-01"
)

// Challenge is a challenge of an ACME CA with our response, for the servers to
// serve. A DNS-01 challenge is also a TXT record of the zone, so that it is served
// and transferred like any other.
type Challenge struct {
	Type        ChallengeType
	Name        Name             // the name to validate; for a wildcard the name below it
	Token       string           // for HTTP-01: the last element of the path
	Response    string           // for HTTP-01 the body, for DNS-01 the TXT record's text
	Certificate *tls.Certificate // for TLS-ALPN-01: shown to the CA alone
}
