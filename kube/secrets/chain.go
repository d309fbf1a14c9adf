package secrets

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// chain is the certificates of a key pair in the order in which they are sent.
type chain struct {
	certificates []*x509.Certificate // the first is that of the key
	end          *x509.Certificate   // up to which each is issued by the next
	leftOut      []*x509.Certificate // that belong to none of them
}

// orderChain puts the certificates behind leaf that lead from it to its root, as
// far as they are there, and behind these others of the same authorities, such
// as those that another root has signed.
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

// issuerOf finds who issued a certificate, and of several, as after an authority
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

// isIssuedBy goes by the names. A certificate of version 1 does not say whether it
// is an authority's.
func isIssuedBy(certificate, issuer *x509.Certificate) bool {
	return (issuer.IsCA || issuer.Version < 3) && bytes.Equal(certificate.RawIssuer, issuer.RawSubject)
}

func isSelfIssued(certificate *x509.Certificate) bool {
	return bytes.Equal(certificate.RawIssuer, certificate.RawSubject)
}

// gap says what is missing between the certificate and its root, "" for nothing
// that can be known: chains end below their root as a rule, which clients have. A
// certificate that stands alone may be issued by a root itself, as in a small CA of
// one's own: then it is told where ca.crt shows another root, or where the
// certificate says that an intermediate issued it.
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

// saysIntermediate reports whether a certificate was not issued by a root, by what
// it says itself: where its issuer's certificate can be had (RFC 5280 §4.2.2.1),
// which is of no use for a root, or what its issuer calls itself.
func saysIntermediate(certificate *x509.Certificate) bool {
	issuer := strings.ToLower(certificate.Issuer.String())
	return len(certificate.IssuingCertificateURL) > 0 ||
		slices.ContainsFunc([]string{"intermediate", "issuing", "subordinate", "sub ca"}, func(word string) bool { return strings.Contains(issuer, word) })
}
