package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"gatelodge.dev"
)

// generateKey makes the key of a certificate.
func generateKey(kind gatelodge.KeyType) (crypto.Signer, error) {
	switch kind {
	case gatelodge.ECDSAP256, "":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case gatelodge.ECDSAP384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case gatelodge.RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	case gatelodge.RSA3072:
		return rsa.GenerateKey(rand.Reader, 3072)
	case gatelodge.RSA4096:
		return rsa.GenerateKey(rand.Reader, 4096)
	}
	return nil, fmt.Errorf("%q is not a known key type", kind)
}

// encodeKey returns a private key in PEM.
func encodeKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// decodeKey reads what encodeKey returned.
func decodeKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("it is not in PEM form")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T can't sign", key)
	}
	return signer, nil
}
