package secrets

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// caKey is the key of a Secret with the certificates of a CA.
const caKey = "ca.crt"

// ReadRoots reads the CAs of a Secret.
func ReadRoots(secret *corev1.Secret) ([]*x509.Certificate, error) {
	if len(secret.Data[caKey]) == 0 {
		return nil, fmt.Errorf("has no %s to verify by, expected certificates of a CA in PEM", caKey)
	}
	blocks, err := readPEM(secret.Data[caKey])
	if err != nil {
		return nil, fmt.Errorf("can't be used: %s %w, expected certificates of a CA", caKey, err)
	}
	var roots []*x509.Certificate
	for _, block := range blocks {
		root, err := parseCertificate(block)
		if err != nil {
			return nil, fmt.Errorf("holds no certificate of a CA in %s: %w", caKey, err)
		}
		roots = append(roots, root)
	}
	return roots, nil
}

// ReadClientCertificate reads the gateway's own certificate, or returns nil.
func ReadClientCertificate(secret *corev1.Secret) (*tls.Certificate, error) {
	chain, key := secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey]
	if len(chain) == 0 && len(key) == 0 {
		return nil, nil
	}
	pair, _, err := ReadKeyPair(chain, key)
	if err != nil {
		return nil, fmt.Errorf("holds no key pair in tls.crt and tls.key: %w", err)
	}
	return pair, nil
}
