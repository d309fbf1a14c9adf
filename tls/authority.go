package tls

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"gatelodge.dev"
)

const (
	// MaxLifetime is the longest validity period of a server certificate that
	// browsers accept (CA/Browser Forum Baseline Requirements §6.3.2; some
	// browsers apply it to roots that the user added, too). The period includes
	// both ends, hence the second.
	MaxLifetime = 398*24*time.Hour - time.Second

	// clockSkew is how far a client's clock may be behind.
	clockSkew = time.Hour
)

// Authority is a CA whose key is held in memory only, so it can't renew what it
// signed once the process ends. It is for demonstrations and tests.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewAuthority makes a CA with this common name that is valid for MaxLifetime.
func NewAuthority(name string) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the key of CA %q: %w", name, err)
	}
	keyID, err := subjectKeyID(key.Public())
	if err != nil {
		return nil, fmt.Errorf("making CA %q: %w", name, err)
	}
	now := time.Now()
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(MaxLifetime),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true, // it signs no other CA
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		SubjectKeyId:          keyID,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making CA %q: %w", name, err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("making CA %q: %w", name, err)
	}
	return &Authority{certificate: certificate, key: key}, nil
}

// CertificatePEM returns the CA's own certificate, for clients to trust.
func (a *Authority) CertificatePEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// Issue makes an ECDSA P-256 key and a server certificate for the names, which
// may be wildcards, in the PEM form of a kubernetes.io/tls Secret. The lifetime
// counts from now and is at most MaxLifetime; a certificate never outlives its
// CA.
func (a *Authority) Issue(names []gatelodge.Name, lifetime time.Duration) (certPEM, keyPEM []byte, err error) {
	switch {
	case len(names) == 0:
		return nil, nil, errors.New("issuing a certificate: no name given")
	case lifetime <= 0 || lifetime > MaxLifetime:
		return nil, nil, fmt.Errorf("issuing a certificate for %s: lifetime %s is not between 0 and %s", names[0], lifetime, MaxLifetime)
	}
	certPEM, keyPEM, err = a.issue(names, time.Now(), lifetime)
	if err != nil {
		return nil, nil, fmt.Errorf("issuing a certificate for %s: %w", names[0], err)
	}
	return certPEM, keyPEM, nil
}

func (a *Authority) issue(names []gatelodge.Name, now time.Time, lifetime time.Duration) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	keyID, err := subjectKeyID(key.Public())
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(lifetime),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		SubjectKeyId:          keyID,
	}
	// MaxLifetime limits the whole period, including the allowance for slow
	// clocks.
	if template.NotAfter.Sub(template.NotBefore) > MaxLifetime {
		template.NotBefore = template.NotAfter.Add(-MaxLifetime)
	}
	if template.NotAfter.After(a.certificate.NotAfter) {
		template.NotAfter = a.certificate.NotAfter
	}
	for _, n := range names {
		template.DNSNames = append(template.DNSNames, string(n))
	}
	if len(names[0]) <= 64 { // ub-common-name, RFC 5280 appendix A.1
		template.Subject.CommonName = string(names[0])
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), nil
}

// subjectKeyID is the hash of the SubjectPublicKeyInfo (RFC 7093 §2, method 4),
// cut to the usual 160 bits.
func subjectKeyID(key crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(der)
	return sum[:20], nil
}
