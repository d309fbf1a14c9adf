package secrets

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"gatelodge.dev/kube/kubetest"
)

// FuzzKeyPair: what crypto/tls takes for a key pair is one here too, with the same
// certificate; nothing else crashes, and no message has a line of base64 in it.
func FuzzKeyPair(f *testing.F) {
	secret := kubetest.CertificateSecret(f, "shop/tls", "1", ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)), []string{"a.test"}, kubetest.Now, kubetest.Now.Add(time.Hour))
	crt, key := secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey]
	f.Add(crt, key)
	f.Add(append(slices.Clone(key), crt...), []byte{})
	f.Add([]byte("\ufeff"+strings.ReplaceAll(string(crt), "\n", " ")), bytes.ReplaceAll(key, []byte("\n"), []byte(`\n`)))
	f.Add(bytes.ReplaceAll(crt, []byte(" CERT"), []byte(" TRUSTED CERT")), []byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nx\n-----END RSA PRIVATE KEY-----"))
	f.Add([]byte("-----BEGIN -----BEGIN X----------END X-----"), []byte("-----BEGIN -----\n-----END -----"))
	f.Fuzz(func(t *testing.T, crt, key []byte) {
		pair, chain, err := ReadKeyPair(crt, key)
		want, wantErr := tls.X509KeyPair(crt, key)
		switch {
		case err == nil && len(pair.Certificate) != len(chain.certificates):
			t.Error("the chain is another than what is sent")
		case err == nil && chain.gap(secret) == "" && pair.Leaf == nil:
			t.Error("there is no certificate")
		case err != nil && len(key) > 200 && strings.Contains(err.Error(), string(bytes.TrimSpace(key[60:90]))):
			t.Errorf("the message quotes the key: %v", err)
		case err != nil && wantErr == nil && len(want.Certificate) == 1 && bytes.Count(crt, []byte("-----BEGIN")) == 1 && bytes.Count(key, []byte("-----BEGIN")) == 1 && len(want.Leaf.Raw) > 0:
			t.Errorf("crypto/tls reads it: %v", err)
		}
	})
}
