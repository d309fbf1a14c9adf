package secrets

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/badkeys"
	"gatelodge.dev/kube/objects"
)

// ReadCertificate reads a Secret of type kubernetes.io/tls. One of its two texts may be
// empty if the other is a combined file.
func ReadCertificate(secret *corev1.Secret, objs *objects.Objects) (certificate *gatelodge.Certificate, gap string, err error) {
	crt, key := secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey]
	switch {
	case len(crt) == 0 && !bytes.Contains(key, []byte("CERTIFICATE-----")):
		return nil, "", fmt.Errorf("has no %s, expected a certificate chain in PEM", corev1.TLSCertKey)
	case len(key) == 0 && !bytes.Contains(crt, []byte("PRIVATE KEY-----")):
		return nil, "", fmt.Errorf("has no %s, expected a private key in PEM", corev1.TLSPrivateKeyKey)
	}
	pair, chain, err := ReadKeyPair(crt, key)
	if err != nil {
		return nil, "", fmt.Errorf("holds no key pair: %w", err)
	}
	leaf := pair.Leaf
	pair.Leaf = nil
	names := make([]gatelodge.Name, 0, len(leaf.DNSNames))
	for _, san := range leaf.DNSNames {
		// Names that no host can have cover nothing.
		if name, err := gatelodge.ParseName(san); err == nil {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, "", errors.New("holds a certificate without a DNS name (subjectAltName)")
	}
	slices.Sort(names)
	sum := sha256.Sum256(pair.Certificate[0])
	certificate = &gatelodge.Certificate{
		Source:      gatelodge.FromSecret,
		Object:      objs.ObjectOf("Secret", &secret.ObjectMeta),
		Names:       slices.Compact(names),
		NotBefore:   leaf.NotBefore,
		NotAfter:    leaf.NotAfter,
		Fingerprint: hex.EncodeToString(sum[:]),
		KeyHash:     badkeys.Hash(leaf.RawSubjectPublicKeyInfo),
		Algorithm:   leaf.PublicKeyAlgorithm,
		KeyPair:     pair,
	}
	gap = chain.gap(secret)
	if why := badkeys.Check(leaf.PublicKey, certificate.KeyHash); why != "" {
		certificate.Flaw = FlawOfKey(why)
	} else if why := badkeys.Weak(leaf.PublicKey); why != "" {
		gap = strings.TrimPrefix(gap+"; it has a key that "+why, "; it ")
	}
	return certificate, gap, nil
}

// FlawOfKey returns the flaw of a certificate with a bad key; the text says why it is
// bad.
func FlawOfKey(why string) *gatelodge.Flaw {
	return &gatelodge.Flaw{Kind: gatelodge.FlawedKey, Text: "has a key that " + why}
}
