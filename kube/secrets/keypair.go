package secrets

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Limits of a certificate and its key. A handshake with a larger RSA key occupies a
// processor for tens of milliseconds, and a longer chain is sent with each handshake.
const (
	maxRSABits      = 8192
	maxCertificates = 10        // certificates
	maxKeyText      = 16 << 10  // octets of PEM; a key of 8192 bits has less than half of that
	maxChainText    = 128 << 10 // octets of PEM
)

// pasted is the content of the two texts of a key pair, in either of them, because many
// tools write a combined file.
type pasted struct {
	most int // certificates; 0: no limit

	certificates []*x509.Certificate // each once
	blocks       int                 // of certificates
	keys         []crypto.Signer
	others       []string // the types of other blocks
}

// ReadKeyPair reads a certificate chain and its key in PEM. The certificate of
// the key comes first, and each that follows certifies the one before (RFC 8446
// §4.4.2), in whatever order they were pasted; those that do not belong to it are
// left out.
func ReadKeyPair(crt, key []byte) (pair *tls.Certificate, c chain, err error) {
	switch {
	case len(key) > maxKeyText && !bytes.Contains(key, []byte("CERTIFICATE-----")), len(key) > maxKeyText+maxChainText:
		return nil, c, fmt.Errorf("the key has %d octets, the most is %d", len(key), maxKeyText)
	case len(crt) > maxChainText:
		return nil, c, fmt.Errorf("the chain has %d octets, the most is %d", len(crt), maxChainText)
	}
	all := pasted{most: maxCertificates}
	if err := all.add(corev1.TLSCertKey, crt); err != nil {
		return nil, c, err
	}
	if err := all.add(corev1.TLSPrivateKeyKey, key); err != nil {
		return nil, c, err
	}
	switch {
	case len(all.certificates) == 0:
		return nil, c, all.missing(corev1.TLSCertKey, "the certificate")
	case len(all.keys) == 0:
		return nil, c, all.missing(corev1.TLSPrivateKeyKey, "its private key")
	}
	leaf, signer := all.pair()
	if leaf == nil {
		return nil, c, errors.New("the private key does not match the certificate")
	}
	if err := checkRSABits(leaf); err != nil {
		return nil, c, err
	}
	c = orderChain(leaf, all.certificates)
	pair = &tls.Certificate{PrivateKey: signer, Leaf: leaf}
	for _, certificate := range c.certificates {
		pair.Certificate = append(pair.Certificate, certificate.Raw)
	}
	return pair, c, nil
}

// add reads one of the texts.
func (p *pasted) add(name string, text []byte) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	blocks, err := readPEM(text)
	if err != nil {
		return fmt.Errorf("%s %w", name, err)
	}
	for _, block := range blocks {
		switch {
		case isEncrypted(block):
			return fmt.Errorf("the private key in %s is encrypted, expected one without a passphrase: openssl pkey -in FILE makes it that", name)
		case isCertificate(block):
			if p.blocks++; p.most > 0 && p.blocks > p.most {
				return fmt.Errorf("the chain has more than %d certificates", p.most)
			}
			certificate, err := parseCertificate(block)
			if err != nil {
				return fmt.Errorf("%s holds a certificate that can't be read: %w", name, err)
			}
			if !slices.ContainsFunc(p.certificates, certificate.Equal) {
				p.certificates = append(p.certificates, certificate)
			}
		case block.Type == "PRIVATE KEY" || strings.HasSuffix(block.Type, " PRIVATE KEY") && block.Type != "OPENSSH PRIVATE KEY":
			signer, err := ParseKey(block)
			if err != nil {
				return fmt.Errorf("%s holds a private key that can't be read: %w", name, err)
			}
			p.keys = append(p.keys, signer)
		default:
			p.others = append(p.others, block.Type)
		}
	}
	return nil
}

// missing returns what is found instead of the expected block.
func (p *pasted) missing(name, what string) error {
	for _, kind := range p.others {
		if !strings.HasSuffix(kind, "PARAMETERS") {
			return fmt.Errorf("it holds a block %q, expected %s in %s", kind, what, name)
		}
	}
	return fmt.Errorf("it holds no block of PEM with %s, expected in %s", what, name)
}

// pair finds the certificate of one of the keys.
func (p *pasted) pair() (*x509.Certificate, crypto.Signer) {
	for _, certificate := range p.certificates {
		for _, signer := range p.keys {
			if public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool }); ok && public.Equal(certificate.PublicKey) {
				return certificate, signer
			}
		}
	}
	return nil, nil
}

// isCertificate reports whether the block is a certificate by one of the names
// that RFC 7468 §5 and OpenSSL know.
func isCertificate(block *pem.Block) bool {
	switch block.Type {
	case "CERTIFICATE", "X509 CERTIFICATE", "X.509 CERTIFICATE", "TRUSTED CERTIFICATE":
		return true
	}
	return false
}

// parseCertificate reads a certificate. In a TRUSTED CERTIFICATE OpenSSL adds what it
// is trusted for, which is ignored.
func parseCertificate(block *pem.Block) (*x509.Certificate, error) {
	der := block.Bytes
	if block.Type == "TRUSTED CERTIFICATE" {
		var first asn1.RawValue
		if _, err := asn1.Unmarshal(der, &first); err != nil {
			return nil, err
		}
		der = first.FullBytes
	}
	return x509.ParseCertificate(der)
}

// ParseKey reads a key in the form of PKCS #8, PKCS #1 or SEC 1, whatever its block is
// called.
func ParseKey(block *pem.Block) (crypto.Signer, error) {
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		if rsaKey, rsaErr := x509.ParsePKCS1PrivateKey(block.Bytes); rsaErr == nil {
			return rsaKey, nil
		}
		if ecKey, ecErr := x509.ParseECPrivateKey(block.Bytes); ecErr == nil {
			return ecKey, nil
		}
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T can't sign", key)
	}
	return signer, nil
}

// checkRSABits rejects a certificate whose signatures take long to make or to verify.
func checkRSABits(certificate *x509.Certificate) error {
	if public, ok := certificate.PublicKey.(*rsa.PublicKey); ok && public.N.BitLen() > maxRSABits {
		return fmt.Errorf("the RSA key has %d bits, the most is %d", public.N.BitLen(), maxRSABits)
	}
	return nil
}
