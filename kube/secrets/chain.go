package secrets

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// chain contains the certificates of a key pair in the order in which they are sent.
type chain struct {
	certificates []*x509.Certificate // the first is that of the key
	end          *x509.Certificate   // the last one of those that are each issued by the next
	leftOut      []*x509.Certificate // unrelated certificates
}

// orderChain sorts the certificates that lead from leaf to its root, as far as they are
// present, and after them others of the same CAs, such as those signed by another root.
//
// Names and key identifiers decide (RFC 5280 §6.1, §4.2.1.1): clients check the
// signatures.
func orderChain(leaf *x509.Certificate, all []*x509.Certificate) chain {
	rest := slices.DeleteFunc(slices.Clone(all), leaf.Equal)
	c := chain{certificates: []*x509.Certificate{leaf}, end: leaf}
	for !isSelfIssued(c.end) {
		at := issuerOf(c.end, rest)
		if at < 0 {
			break
		}
		c.end = rest[at]
		c.certificates, rest = append(c.certificates, c.end), slices.Delete(rest, at, at+1)
	}
	for _, certificate := range rest {
		if slices.ContainsFunc(c.certificates, func(other *x509.Certificate) bool { return isIssuedBy(other, certificate) }) {
			c.certificates = append(c.certificates, certificate)
		} else {
			c.leftOut = append(c.leftOut, certificate)
		}
	}
	return c
}

// issuerOf returns the issuer of a certificate; if there are several, as after a CA
// renewed its own, the one with the key that the certificate names; -1 for none.
func issuerOf(certificate *x509.Certificate, among []*x509.Certificate) int {
	found := -1
	for i, other := range among {
		if !isIssuedBy(certificate, other) {
			continue
		}
		if len(certificate.AuthorityKeyId) > 0 && bytes.Equal(certificate.AuthorityKeyId, other.SubjectKeyId) {
			return i
		}
		if found < 0 {
			found = i
		}
	}
	return found
}

// isIssuedBy compares the names. A certificate of version 1 does not contain whether it
// is a CA's.
func isIssuedBy(certificate, issuer *x509.Certificate) bool {
	return (issuer.IsCA || issuer.Version < 3) && bytes.Equal(certificate.RawIssuer, issuer.RawSubject)
}

func isSelfIssued(certificate *x509.Certificate) bool {
	return bytes.Equal(certificate.RawIssuer, certificate.RawSubject)
}

// gap returns what is missing between the certificate and its root, "" if nothing or
// unknown: chains usually end below their root, which clients have. A single
// certificate may be issued by a root itself, as in a small private CA: then it is
// reported if ca.crt contains another root, or if the certificate says that an
// intermediate issued it.
func (c *chain) gap(secret *corev1.Secret) string {
	foreign := slices.ContainsFunc(c.leftOut, func(other *x509.Certificate) bool { return other.IsCA })
	if isSelfIssued(c.end) || c.end != c.certificates[0] && !foreign {
		return ""
	}
	var roots pasted
	known := roots.add(caKey, secret.Data[caKey]) == nil && len(roots.certificates) > 0
	if known {
		if at := issuerOf(c.end, roots.certificates); at >= 0 && isSelfIssued(roots.certificates[at]) {
			return ""
		}
	}
	if !foreign && !known && !saysIntermediate(c.end) {
		return ""
	}
	return fmt.Sprintf("lacks what leads to its root: append the certificate of %.100q to %s, without which many clients don't trust it", c.end.Issuer, corev1.TLSCertKey)
}

// saysIntermediate reports whether a certificate itself says that its issuer is not a
// root: by where the issuer's certificate is available (RFC 5280 §4.2.2.1), which is
// useless for a root, or by the issuer's name.
func saysIntermediate(certificate *x509.Certificate) bool {
	issuer := strings.ToLower(certificate.Issuer.String())
	return len(certificate.IssuingCertificateURL) > 0 ||
		slices.ContainsFunc([]string{"intermediate", "issuing", "subordinate", "sub ca"}, func(word string) bool { return strings.Contains(issuer, word) })
}
