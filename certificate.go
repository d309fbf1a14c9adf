package gatelodge

import (
	"crypto/tls"
	"crypto/x509"
	"time"
)

// CertificateSource says where a Certificate came from.
type CertificateSource string

// The sources of certificates, in order of preference.
const (
	FromSecret  CertificateSource = "secret"  // a Secret that an Ingress names
	FromACME    CertificateSource = "acme"    // issued to the gateway by ACME
	FromDefault CertificateSource = "default" // configured, for every host that it covers
)

// Certificate is a certificate chain with its private key and metadata.
type Certificate struct {
	Source      CertificateSource
	Object      Object    // the Secret it was read from
	Names       []Name    // the DNS names it is valid for, sorted
	NotBefore   time.Time // start of its validity
	NotAfter    time.Time // end of its validity
	Fingerprint string    // SHA-256 of the leaf, lower-case hex
	KeyHash     string    // SHA-256 of its SubjectPublicKeyInfo, lower-case hex
	Algorithm   x509.PublicKeyAlgorithm
	KeyPair     *tls.Certificate // without Leaf, which would take 2 KiB; never printed
	Flaw        *Flaw            // why it must be replaced at once; nil: no flaw is known
}

// Flaw makes a certificate worthless before it expires. A flawed certificate is
// still served where there is no other: withholding it would not stop those who
// have its key, and clients that know of the flaw reject it anyway.
type Flaw struct {
	Kind FlawKind
	Text string // completes a sentence that begins with the certificate
}

// FlawKind is the class of a Flaw. The set is small and fixed: it labels a metric.
type FlawKind string

// The kinds of flaws.
const (
	FlawedKey FlawKind = "key"     // the private key is public, or can be computed
	Revoked   FlawKind = "revoked" // revoked by its CA
)

// ValidAt reports whether t is within the certificate's validity.
func (c *Certificate) ValidAt(t time.Time) bool {
	return !t.Before(c.NotBefore) && !t.After(c.NotAfter)
}

// Covers reports whether the certificate is valid for host, by its name or by a
// wildcard of one label (RFC 6125 §6.4.3).
func (c *Certificate) Covers(host Name) bool {
	for _, n := range c.Names {
		if n.Matches(host) {
			return true
		}
	}
	return false
}

// ChallengeType is an ACME challenge type, a way to prove control of a name.
type ChallengeType string

// The challenges of RFC 8555, RFC 8737 and draft-ietf-acme-dns-persist. The last needs
// no response, because the zones publish what it asks for all the time.
const (
	DNS01        ChallengeType = "dns-01"
	HTTP01       ChallengeType = "http-01"
	TLSALPN01    ChallengeType = "tls-alpn-01"
	DNSPersist01 ChallengeType = "dns-persist-01"
)

// Challenge is a challenge of an ACME CA together with our response, which the
// servers serve. The response to a DNS-01 challenge is also a TXT record of the
// zone, so it is served and transferred like any other record.
type Challenge struct {
	Type        ChallengeType
	Name        Name             // the name to validate; for a wildcard, the name without "*."
	Token       string           // HTTP-01: the last element of the path
	Response    string           // HTTP-01: the body; DNS-01: the text of the TXT record
	Certificate *tls.Certificate // TLS-ALPN-01: the certificate presented to the CA
}
