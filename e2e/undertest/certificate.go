package undertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"testing"
	"time"
)

// A KeyPair is a certificate and its key: those of a CA, a server or a client.
type KeyPair struct {
	Leaf             *x509.Certificate
	Certificate, Key []byte // PEM
	issuer           []byte // PEM; nil: itself
	key              *ecdsa.PrivateKey
}

// NewCA makes a CA.
func NewCA(t testing.TB, name string) *KeyPair {
	t.Helper()
	return issue(t, nil, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageCertSign,
		IsCA: true, BasicConstraintsValid: true,
	})
}

// CA issues the certificate of another CA.
func (ca *KeyPair) CA(t testing.TB, name string) *KeyPair {
	t.Helper()
	return issue(t, ca, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageCertSign,
		IsCA: true, BasicConstraintsValid: true,
	})
}

// Server issues a certificate for a server of the hosts.
func (ca *KeyPair) Server(t testing.TB, hosts ...string) *KeyPair {
	t.Helper()
	return issue(t, ca, &x509.Certificate{
		Subject: pkix.Name{CommonName: hosts[0]}, DNSNames: hosts,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
}

// Client issues a certificate for a client.
func (ca *KeyPair) Client(t testing.TB, name string) *KeyPair {
	t.Helper()
	return issue(t, ca, &x509.Certificate{
		Subject:  pkix.Name{CommonName: name},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

// issue fills in a template and has the issuer sign it; nil: the new key.
func issue(t testing.TB, issuer *KeyPair, template *x509.Certificate) *KeyPair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(90*24*time.Hour)
	parent, signer := template, key
	var issuerText []byte
	if issuer != nil {
		parent, signer, issuerText = issuer.Leaf, issuer.key, issuer.Certificate
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &KeyPair{
		Leaf: leaf, key: key, issuer: issuerText,
		Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
}

// Pool returns the certificate as what clients trust.
func (p *KeyPair) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.Leaf)
	return pool
}

// Secret returns the manifest of a TLS Secret, with the root in ca.crt as
// cert-manager writes it.
func (p *KeyPair) Secret(namespace, name string) string {
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf(`---
apiVersion: v1
kind: Secret
metadata: {name: %s, namespace: %s}
type: kubernetes.io/tls
data: {tls.crt: %s, tls.key: %s, ca.crt: %s}
`, name, namespace, encode(p.Certificate), encode(p.Key), encode(p.issuer))
}
