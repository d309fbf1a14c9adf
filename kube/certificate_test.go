package kube

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
)

// tlsSecret makes a Secret whose every byte follows from the arguments, as
// goldens need it.
func tlsSecret(t *testing.T, secret string, names []string, from, until time.Time) *corev1.Secret {
	t.Helper()
	identity := secret + " " + strings.Join(names, ",") + from.String() + until.String()
	seed := sha256.Sum256([]byte(identity))
	return certificateSecret(t, secret, identity, ed25519.NewKeyFromSeed(seed[:]), names, from, until)
}

func certificateSecret(t *testing.T, secret, version string, key crypto.Signer, names []string, from, until time.Time) *corev1.Secret {
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
	name := namespaced(secret)
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: name.Namespace, Name: name.Name,
			UID: types.UID("secret " + secret), ResourceVersion: version,
		},
		Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{
			corev1.TLSCertKey:       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf}),
			corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
			caKey:                   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf}), // as cert-manager adds it
		},
	}
}

func ecdsaKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// manifests reads YAML as a folder would.
func manifests(text string) Objects {
	set := newObjectSet()
	set.addManifest(readManifest("test.yaml", []byte(text), nil))
	set.objects.Now = testNow
	return set.objects
}

const twoSecrets = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  rules: [{host: app.example.com}]
  tls: [{secretName: first}, {secretName: second}]
`

// TestKeyTypes: of one source a client may choose between types of key, and
// the first certificate of a type counts.
func TestKeyTypes(t *testing.T) {
	names := []string{"app.example.com"}
	from, until := testNow.Add(-time.Hour), testNow.Add(time.Hour)
	edwards := tlsSecret(t, "shop/first", names, from, until)
	curve := certificateSecret(t, "shop/second", "1", ecdsaKey(t), names, from, until)
	same := tlsSecret(t, "shop/second", names, from, until)
	byDefault := certificateSecret(t, "infra/wildcard", "1", ecdsaKey(t), []string{"*.example.com"}, from, until)

	cfg := &Config{WithoutClass: true, DefaultCertificates: []types.NamespacedName{namespaced("infra/wildcard")}}
	for _, test := range []struct {
		name    string
		secrets []*corev1.Secret
		want    []string // Secrets
	}{
		{"two types are both kept", []*corev1.Secret{edwards, curve}, []string{"first", "second"}},
		{"of two of a type the first is kept", []*corev1.Secret{edwards, same}, []string{"first"}},
		{"the default comes last", []*corev1.Secret{edwards, curve, byDefault}, []string{"first", "second", "wildcard"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			objects := manifests(twoSecrets)
			objects.Secrets = test.secrets
			host := new(Builder).Build(objects, cfg).Host("app.example.com")
			var got []string
			for _, c := range host.Certificates {
				got = append(got, c.Object.Name)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("certificates %v, want %v", got, test.want)
			}
		})
	}
}

// TestCertificateLifetime: a certificate is used from its first to its last
// moment, and RebuildAt names the moment when that changes.
func TestCertificateLifetime(t *testing.T) {
	from, until := testNow.Add(-time.Hour), testNow.Add(time.Hour)
	objects := manifests(strings.ReplaceAll(twoSecrets, ", {secretName: second}", ""))
	objects.Secrets = []*corev1.Secret{tlsSecret(t, "shop/first", []string{"app.example.com"}, from, until)}
	cfg := &Config{WithoutClass: true}
	var warm Builder
	for _, step := range []struct {
		name      string
		now       time.Time
		certified bool
		rebuildAt time.Time
	}{
		{"before", from.Add(-1), false, from},
		{"first moment", from, true, until.Add(1)},
		{"last moment", until, true, until.Add(1)},
		{"after", until.Add(1), false, time.Time{}},
		{"the clock was set back", testNow, true, until.Add(1)},
	} {
		objects.Now = step.now
		snapshot := warm.Build(objects, cfg)
		host := snapshot.Host("app.example.com")
		if host.Certified() != step.certified {
			t.Errorf("%s: certified is %t", step.name, host.Certified())
		}
		if !snapshot.RebuildAt.Equal(step.rebuildAt) {
			t.Errorf("%s: rebuild at %v, want %v", step.name, snapshot.RebuildAt, step.rebuildAt)
		}
		if bad := len(snapshot.Problems) > 0 && snapshot.Problems[0].Reason == gatelodge.BadCertificate; bad == step.certified {
			t.Errorf("%s: problems %v", step.name, snapshot.Problems)
		}
	}
}
