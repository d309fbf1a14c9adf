package compile

import (
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/secrets"
)

// TestBrokenSecretKeepsTheCertificate tells the story of a Secret. At each step
// a builder that was there from the start makes the same of it as one that has
// just come and is handed the same memory.
func TestBrokenSecretKeepsTheCertificate(t *testing.T) {
	from, until := kubetest.Now.Add(-time.Hour), kubetest.Now.Add(time.Hour)
	good := func(version string) *corev1.Secret {
		s := kubetest.CertificateSecret(t, "shop/first", version, ecdsaKey(t), []string{"app.example.com"}, from, until)
		s.UID += types.UID(version) // as one that was deleted and made again
		return s
	}
	broken := func(version string, change func(map[string][]byte)) *corev1.Secret {
		s := good(version)
		change(s.Data)
		return s
	}
	keyless := func(data map[string][]byte) { delete(data, corev1.TLSPrivateKeyKey) }
	halved := func(data map[string][]byte) { data[corev1.TLSCertKey] = data[corev1.TLSCertKey][:100] }
	mixed := func(data map[string][]byte) {
		data[corev1.TLSPrivateKeyKey] = good("other").Data[corev1.TLSPrivateKeyKey]
	}
	a, b, c := good("a"), good("b"), good("c")

	var warm Builder
	cfg := &objects.Config{WithoutClass: true, DefaultCertificates: []objects.Key{kubetest.Namespaced("shop/first")}}
	for _, step := range []struct {
		name    string
		secret  *corev1.Secret // nil: there is none
		now     time.Time      // zero: testNow
		served  *corev1.Secret // nil: no certificate
		problem string         // in one of the problems; "": there is none
	}{
		{name: "broken from the start", secret: broken("0", keyless), problem: "has no tls.key"},
		{name: "made good", secret: a, served: a},
		{name: "the key is gone", secret: broken("1", keyless), served: a, problem: "has no tls.key, expected a private key in PEM; the certificate that it held before is still served"},
		{name: "broken otherwise", secret: broken("2", halved), served: a, problem: "still served"},
		{name: "replaced", secret: b, served: b},
		{name: "the key is for another certificate", secret: broken("3", mixed), served: b, problem: "private key does not match"},
		{name: "the old one expires meanwhile", secret: broken("3", mixed), now: until.Add(1), problem: "expired at"},
		{name: "put back", secret: b, served: b},
		{name: "deleted", problem: "there is no Secret shop/first"},
		{name: "made again, broken", secret: broken("4", keyless), problem: "has no tls.key"},
		{name: "made good again", secret: c, served: c},
	} {
		for range 2 { // the second time nothing has changed
			objs := kubetest.Manifests(strings.ReplaceAll(kubetest.TwoSecrets, ", {secretName: second}", ""))
			if step.secret != nil {
				objs.Secrets = objects.TableOf(step.secret)
			}
			if !step.now.IsZero() {
				objs.Now = step.now
			}
			objs.Good = warm.Good()
			got := warm.Build(objs, cfg)
			if cold := new(Builder).Build(objs, cfg); !reflect.DeepEqual(got, cold) {
				t.Fatalf("%s: a warm build differs from a cold one:\n%s\nwant:\n%s", step.name, got, cold)
			}
			host := got.Hosts.Get("app.example.com")
			if step.served == nil {
				if host.Certified() || len(got.DefaultCertificates) > 0 {
					t.Errorf("%s: %v is served, want none", step.name, host.Certificates)
				}
			} else {
				want, _, err := secrets.ReadCertificate(step.served, &objs)
				if err != nil {
					t.Fatal(err)
				}
				if len(host.Certificates) == 0 || host.Certificates[0].Fingerprint != want.Fingerprint ||
					len(got.DefaultCertificates) != 1 || got.DefaultCertificates[0].Fingerprint != want.Fingerprint {
					t.Errorf("%s: %v is served, and by default %v, want %v", step.name, host.Certificates, got.DefaultCertificates, want)
				}
			}
			if told := problemsOf(got, "Ingress"); step.problem == "" && told != "" || !strings.Contains(told, step.problem) {
				t.Errorf("%s: problems %q, want %q", step.name, told, step.problem)
			}
		}
	}
}

func problemsOf(s *gatelodge.Snapshot, kind string) string {
	var lines []string
	for _, p := range kubetest.Problems(s) {
		if p.Object.Kind == kind {
			lines = append(lines, p.Message)
		}
	}
	return strings.Join(lines, "\n")
}
