package revocation

import (
	"crypto/x509"

	"gatelodge.dev"
	"gatelodge.dev/tls/crl"
)

// watched is a certificate with its issuer.
type watched struct {
	leaf, issuer *x509.Certificate
	url          string // of its CRL; "": it can't be asked about
	present      bool   // in the snapshot
	checked      bool
}

// follow takes in the certificates of a snapshot, and forgets those that are gone.
func (c *crlRound) follow(snapshot *gatelodge.Snapshot) {
	for _, w := range c.known {
		w.present = false
	}
	var roots *x509.CertPool
	add := func(certificate *gatelodge.Certificate) {
		if certificate == nil {
			return
		}
		if certificate.Source != gatelodge.FromACME && snapshot.Settings.TLS.Revocation != gatelodge.RevocationAll {
			return
		}
		w := c.known[certificate.Fingerprint]
		if w == nil {
			if roots == nil && certificate.Source != gatelodge.FromACME {
				roots = c.trusted(snapshot.Issuing)
			}
			w = watch(certificate, roots)
			c.known[certificate.Fingerprint] = w
		}
		w.present = true
	}
	for _, certificate := range snapshot.DefaultCertificates {
		add(certificate)
	}
	for _, h := range snapshot.Hosts.All() {
		for _, certificate := range h.Certificates {
			add(certificate)
		}
	}
	if snapshot.Issuing != nil {
		for _, issuance := range snapshot.Issuing.Issuances.All() {
			add(issuance.Certificate)
		}
	}
	for fingerprint, w := range c.known {
		if !w.present {
			delete(c.known, fingerprint)
		}
	}
}

// trusted are the roots of the system and of the configured CAs.
func (c *crlRound) trusted(issuing *gatelodge.Issuing) *x509.CertPool {
	roots, err := c.roots()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if issuing != nil {
		for _, account := range issuing.Accounts() {
			roots.AppendCertsFromPEM([]byte(account.Roots))
		}
	}
	return roots
}

// watch finds who issued a certificate. The chain of one that was issued to us is the
// CA's; that of a Secret has to lead to one of the roots, or the URL in it is that of
// the Secret's author, which is not asked.
func watch(certificate *gatelodge.Certificate, roots *x509.CertPool) *watched {
	chain := make([]*x509.Certificate, 0, len(certificate.KeyPair.Certificate))
	for _, der := range certificate.KeyPair.Certificate {
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			return &watched{}
		}
		chain = append(chain, parsed)
	}
	w := &watched{leaf: chain[0]}
	if certificate.Source == gatelodge.FromACME {
		if len(chain) > 1 && chain[0].CheckSignatureFrom(chain[1]) == nil {
			w.issuer = chain[1]
		}
	} else {
		between := x509.NewCertPool()
		for _, other := range chain[1:] {
			between.AddCert(other)
		}
		verified, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
		if err == nil && len(verified[0]) > 1 {
			w.issuer = verified[0][1]
		}
	}
	if w.issuer != nil {
		w.url = crl.URLOf(w.leaf)
	}
	return w
}
