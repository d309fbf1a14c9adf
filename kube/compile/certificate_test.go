package compile

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

func ecdsaKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestKeyTypes: of one source a client may choose between types of key, and
// the first certificate of a type counts.
func TestKeyTypes(t *testing.T) {
	names := []string{"app.example.com"}
	from, until := kubetest.Now.Add(-time.Hour), kubetest.Now.Add(time.Hour)
	edwards := kubetest.TLSSecret(t, "shop/first", names, from, until)
	curve := kubetest.CertificateSecret(t, "shop/second", "1", ecdsaKey(t), names, from, until)
	same := kubetest.TLSSecret(t, "shop/second", names, from, until)
	byDefault := kubetest.CertificateSecret(t, "infra/wildcard", "1", ecdsaKey(t), []string{"*.example.com"}, from, until)

	cfg := &objects.Config{WithoutClass: true, DefaultCertificates: []objects.Key{kubetest.Namespaced("infra/wildcard")}}
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
			objs := kubetest.Manifests(kubetest.TwoSecrets)
			objs.Secrets = objects.TableOf(test.secrets...)
			host := new(Builder).Build(objs, cfg).Hosts.Get("app.example.com")
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
	from, until := kubetest.Now.Add(-time.Hour), kubetest.Now.Add(time.Hour)
	objs := kubetest.Manifests(strings.ReplaceAll(kubetest.TwoSecrets, ", {secretName: second}", ""))
	objs.Secrets = objects.TableOf(kubetest.TLSSecret(t, "shop/first", []string{"app.example.com"}, from, until))
	cfg := &objects.Config{WithoutClass: true}
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
		{"the clock was set back", kubetest.Now, true, until.Add(1)},
	} {
		objs.Now = step.now
		snapshot := warm.Build(objs, cfg)
		host := snapshot.Hosts.Get("app.example.com")
		if host.Certified() != step.certified {
			t.Errorf("%s: certified is %t", step.name, host.Certified())
		}
		if !snapshot.RebuildAt.Equal(step.rebuildAt) {
			t.Errorf("%s: rebuild at %v, want %v", step.name, snapshot.RebuildAt, step.rebuildAt)
		}
		problems := kubetest.Problems(snapshot)
		if bad := len(problems) > 0 && problems[0].Reason == gatelodge.BadCertificate; bad == step.certified {
			t.Errorf("%s: problems %v", step.name, problems)
		}
	}
}
