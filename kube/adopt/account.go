package adopt

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/secrets"
)

// minRSABits is the shortest RSA key that CAs accept for an account.
const minRSABits = 2048

// AccountSecret reads the key of an ACME account from a Secret, which may be missing,
// in cert-manager's form, or returns what is wrong with it.
func AccountSecret(name objects.Key, secret *corev1.Secret) (key string, reason gatelodge.Reason, message string) {
	if secret == nil {
		return "", gatelodge.SecretMissing, fmt.Sprintf("there is no Secret %s with the account's key, so nothing is ordered: write the Secret that privateKeySecretRef of the Issuer names, or none to register a new account", name)
	}
	text := secret.Data[corev1.TLSPrivateKeyKey]
	if len(text) == 0 {
		return "", gatelodge.BadSecret, fmt.Sprintf("Secret %s has no %s, expected the key of an ACME account in PEM", name, corev1.TLSPrivateKeyKey)
	}
	key, err := AccountKey(text)
	if err != nil {
		return "", gatelodge.BadSecret, fmt.Sprintf("Secret %s: its %s can't be used: %v", name, corev1.TLSPrivateKeyKey, err)
	}
	return key, "", ""
}

// AccountKey reads the key of an ACME account in PEM, of one of the types that CAs
// accept (RFC 8555 §6.2), and returns it as PKCS #8.
func AccountKey(text []byte) (string, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return "", errors.New("it holds no block of PEM, expected a private key")
	}
	key, err := secrets.ParseKey(block)
	if err != nil {
		return "", fmt.Errorf("it holds a private key that can't be read: %w", err)
	}
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
	case *rsa.PrivateKey:
		if bits := key.N.BitLen(); bits < minRSABits {
			return "", fmt.Errorf("its RSA key has %d bits, the least for an account is %d", bits, minRSABits)
		}
	default:
		return "", fmt.Errorf("a key of type %T can't be an account's, expected an ECDSA or RSA key", key)
	}
	encoded, err := encodeKey(key)
	return string(encoded), err
}
