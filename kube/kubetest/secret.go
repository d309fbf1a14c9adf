package kubetest

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// TLSSecret makes a Secret whose every byte follows from the arguments, as
// goldens need it.
func TLSSecret(t *testing.T, secret string, names []string, from, until time.Time) *corev1.Secret {
	t.Helper()
	identity := secret + " " + strings.Join(names, ",") + from.String() + until.String()
	seed := sha256.Sum256([]byte(identity))
	return CertificateSecret(t, secret, identity, ed25519.NewKeyFromSeed(seed[:]), names, from, until)
}

// CertificateSecret makes a Secret with a self-signed certificate for names.
func CertificateSecret(t testing.TB, secret, version string, key crypto.Signer, names []string, from, until time.Time) *corev1.Secret {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		DNSNames: names, NotBefore: from, NotAfter: until,
	}
	leaf, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	name := Namespaced(secret)
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: name.Namespace, Name: name.Name,
			UID: types.UID("secret " + secret), ResourceVersion: version,
		},
		Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{
			corev1.TLSCertKey:       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf}),
			corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
			"ca.crt":                pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf}), // as cert-manager adds it
		},
	}
}

// TwoSecrets is an Ingress that names two Secrets for one host.
const TwoSecrets = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  rules: [{host: app.example.com}]
  tls: [{secretName: first}, {secretName: second}]
`
