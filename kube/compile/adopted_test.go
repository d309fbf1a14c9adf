package compile

import (
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

// item is what the issuer keeps for a name, or another program in a file.
func item(t *testing.T, origin string, namespace string, name string, from, until time.Time) *corev1.Secret {
	t.Helper()
	secret := kubetest.TLSSecret(t, "any/any", []string{name}, from, until)
	parts, err := (&gatelodge.StoredIssuance{Name: gatelodge.Name(name), Chain: secret.Data[corev1.TLSCertKey], Key: secret.Data[corev1.TLSPrivateKeyKey]}).Encode()
	kubetest.Must(t, err)
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: origin, ResourceVersion: "1"}, Data: parts}
}

const asking = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  rules: [{host: app.example.com}]
  tls: [{hosts: [app.example.com]}]
`

// TestAdoptedCertificate: a certificate that another program kept serves its host, and
// the issuer is told to keep it; what it keeps itself wins unless it is older. One that
// is not asked for is not kept.
func TestAdoptedCertificate(t *testing.T) {
	from, until := kubetest.Now.Add(-48*time.Hour), kubetest.Now.Add(48*time.Hour)
	found := item(t, "/autocert/app.example.com", "", "app.example.com", from, until)
	cfg := &objects.Config{WithoutClass: true, Listeners: []gatelodge.Listener{{Protocol: gatelodge.HTTPS}}, ACME: &objects.ACMEConfig{
		Adopted: objects.Adopted{Items: objects.TableOf(found), Problems: []string{"/autocert/x can't be used: it is empty"}},
	}}
	var warm Builder
	for _, step := range []struct {
		name    string
		asks    bool
		stored  *corev1.Secret
		from    string // where the certificate comes from that is served
		adopted bool
	}{
		{name: "not stored yet", asks: true, from: "/autocert/app.example.com", adopted: true},
		{name: "stored", asks: true, stored: item(t, "gatelodge-acme-cert-name-app.example.com", "gatelodge", "app.example.com", from, until), from: "gatelodge-acme-cert-name-app.example.com"},
		{name: "renewed", asks: true, stored: item(t, "gatelodge-acme-cert-name-app.example.com", "gatelodge", "app.example.com", from.Add(time.Hour), until), from: "gatelodge-acme-cert-name-app.example.com"},
		{name: "stored is older", asks: true, stored: item(t, "gatelodge-acme-cert-name-app.example.com", "gatelodge", "app.example.com", from.Add(-time.Hour), until), from: "/autocert/app.example.com", adopted: true},
		{name: "not asked for", from: "/autocert/app.example.com"},
	} {
		text := asking
		if !step.asks {
			text, _, _ = strings.Cut(asking, "  tls:")
		}
		objs := kubetest.Manifests(text)
		if step.stored != nil {
			objs.Stored = objects.TableOf(step.stored)
		}
		got := warm.Build(objs, cfg)
		if cold := new(Builder).Build(objs, cfg); !reflect.DeepEqual(got, cold) {
			t.Fatalf("%s: a warm build differs from a cold one:\n%s\nwant:\n%s", step.name, got, cold)
		}
		certificates := got.Hosts.Get("app.example.com").Certificates
		if len(certificates) != 1 || certificates[0].Object.Name != step.from || certificates[0].Source != gatelodge.FromACME {
			t.Errorf("%s: served are %v, want that from %s", step.name, certificates, step.from)
		}
		switch i := got.Issuing.Issuances.Get(gatelodge.IssuanceKey{Name: "app.example.com"}); {
		case !step.asks && i != nil:
			t.Errorf("%s: %v", step.name, i)
		case step.asks && (i == nil || i.Adopted != step.adopted || i.Certificate != certificates[0]):
			t.Errorf("%s: the issuer is told %v, adopted %v", step.name, i, step.adopted)
		}
		problems := kubetest.Problems(got)
		if len(problems) != 1 || problems[0].Object.String() != "Config acme.adopt" || problems[0].Message != cfg.ACME.Adopted.Problems[0] {
			t.Errorf("%s: problems %v", step.name, problems)
		}
	}
}

// TestAccountSecret: nothing is ordered until the key is there by which the CA knows the
// account, unless one is known already.
func TestAccountSecret(t *testing.T) {
	const directory = "https://ca.example/directory"
	cfg := &objects.Config{WithoutClass: true, ACME: &objects.ACMEConfig{
		ACMEAccount: objects.ACMEAccount{Account: gatelodge.Account{Directory: directory}}, AccountSecret: kubetest.Namespaced("gatelodge/letsencrypt"),
	}}
	secret := func(version string, data map[string][]byte) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "gatelodge", Name: "letsencrypt", ResourceVersion: version}, Data: data}
	}
	good := kubetest.CertificateSecret(t, "a/b", "1", ecdsaKey(t), []string{"a.test"}, kubetest.Now, kubetest.Now.Add(time.Hour)).Data[corev1.TLSPrivateKeyKey]
	var warm Builder
	for _, step := range []struct {
		name    string
		secret  *corev1.Secret
		known   bool
		problem string // "": there is none
		adopted bool
	}{
		{name: "missing", problem: "SecretMissing: there is no Secret gatelodge/letsencrypt with the account's key"},
		{name: "missing, but the account is known", known: true},
		{name: "empty", secret: secret("1", nil), problem: "BadSecret: Secret gatelodge/letsencrypt has no tls.key"},
		{name: "no key", secret: secret("2", map[string][]byte{"tls.key": []byte("x")}), problem: "BadSecret: Secret gatelodge/letsencrypt: its tls.key can't be used: it holds no block of PEM"},
		{name: "good", secret: secret("3", map[string][]byte{"tls.key": good}), adopted: true},
	} {
		objs := kubetest.Manifests(asking)
		if step.secret != nil {
			objs.Secrets = objects.TableOf(step.secret)
		}
		if step.known {
			kubetest.AddStored(t, &objs, "account "+directory+" https://ca.example/1\n")
		}
		got := warm.Build(objs, cfg)
		if cold := new(Builder).Build(objs, cfg); !reflect.DeepEqual(got, cold) {
			t.Fatalf("%s: a warm build differs from a cold one:\n%s\nwant:\n%s", step.name, got, cold)
		}
		if adopted := got.Issuing.Account.AdoptedKey != ""; adopted != step.adopted {
			t.Errorf("%s: adopted %v", step.name, adopted)
		}
		if lacks := got.Issuing.Lacking != ""; lacks != (step.problem != "") {
			t.Errorf("%s: lacking %q", step.name, got.Issuing.Lacking)
		}
		var told []string
		for _, p := range kubetest.Problems(got) {
			if p.Object.Name == "acme.adopt.accountSecret" {
				told = append(told, p.String())
			}
		}
		if text := strings.Join(told, "\n"); step.problem == "" && text != "" || !strings.Contains(text, step.problem) {
			t.Errorf("%s: told %q, want %q", step.name, text, step.problem)
		}
	}
}
