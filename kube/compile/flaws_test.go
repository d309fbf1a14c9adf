package compile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

func shown(s *gatelodge.Snapshot) (secrets []string) {
	for _, c := range s.Hosts.Get("app.example.com").Certificates {
		secrets = append(secrets, c.Object.Name)
	}
	return secrets
}

func badKeys(version string, hashes ...string) objects.Table[*corev1.ConfigMap] {
	return objects.TableOf(&corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "gatelodge", Name: "bad-keys", UID: "bad-keys", ResourceVersion: version},
		Data:       map[string]string{"keys.txt": strings.Join(hashes, "\n")},
	})
}

func storedRevocations(t *testing.T, version string, revocations ...gatelodge.Revocation) *corev1.Secret {
	t.Helper()
	parts, err := gatelodge.EncodeRevocations(revocations)
	kubetest.Must(t, err)
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "gatelodge", Name: "gatelodge-revocations", UID: "r", ResourceVersion: version}, Data: parts}
}

// TestFlawedCertificate: a certificate with a key that others have, or that was
// revoked, is shown after all others, and alone where there is no other; and all
// follows what becomes known.
func TestFlawedCertificate(t *testing.T) {
	names := []string{"app.example.com"}
	from, until := kubetest.Now.Add(-time.Hour), kubetest.Now.Add(time.Hour)
	first := kubetest.TLSSecret(t, "shop/first", names, from, until)
	byDefault := kubetest.CertificateSecret(t, "infra/wildcard", "1", ecdsaKey(t), []string{"*.example.com"}, from, until)
	objs := kubetest.Manifests(strings.ReplaceAll(kubetest.TwoSecrets, ", {secretName: second}", ""))
	objs.Secrets = objects.TableOf(first, byDefault)
	cfg := &objects.Config{WithoutClass: true, BadKeys: []objects.Key{kubetest.Namespaced("gatelodge/bad-keys")}, DefaultCertificates: []objects.Key{kubetest.Namespaced("infra/wildcard")}}
	objs.ConfigMaps = badKeys("1")
	var warm Builder
	before := warm.Build(objs, cfg)
	certificate := before.Hosts.Get("app.example.com").Certificates[0]
	revoked := gatelodge.Revocation{Fingerprint: certificate.Fingerprint, At: from, Reason: 1, NotAfter: until}

	for i, step := range []struct {
		name     string
		lists    objects.Table[*corev1.ConfigMap]
		stored   []*corev1.Secret
		defaults bool
		shown    []string
		problem  string // "": none
	}{
		{"nothing is known", badKeys("1"), nil, true, []string{"first", "wildcard"}, ""},
		{"its key is on a list", badKeys("2", certificate.KeyHash+" found on a paste site"), nil, true, []string{"wildcard", "first"},
			"Ingress shop/web (test.yaml:2): BadCertificate: the certificate in Secret shop/first for all hosts has a key that is on the list of tls.badKeys: found on a paste site; get one with a new key"},
		{"there is no other", badKeys("2", certificate.KeyHash), nil, false, []string{"first"}, "tls.badKeys; get one"},
		{"another key is", badKeys("3", strings.Repeat("0", 64)), nil, true, []string{"first", "wildcard"}, ""},
		{"it was revoked", badKeys("3"), []*corev1.Secret{storedRevocations(t, "1", revoked)}, true, []string{"wildcard", "first"},
			"was revoked by its CA at " + from.UTC().Format(time.RFC3339) + " (keyCompromise); get one"},
		{"another one was", badKeys("3"), []*corev1.Secret{storedRevocations(t, "2", gatelodge.Revocation{Fingerprint: "f"})}, true, []string{"first", "wildcard"}, ""},
		{"the list is not one", badKeys("4", "MD5 0"), nil, true, []string{"first", "wildcard"}, `Config tls.badKeys: BadConfig: ConfigMap gatelodge/bad-keys, key "keys.txt", line 1: "MD5" is not a valid hash`},
		{"there is no list", objects.Table[*corev1.ConfigMap]{}, nil, true, []string{"first", "wildcard"}, "Config tls.badKeys: BadConfig: there is no ConfigMap gatelodge/bad-keys"},
	} {
		objs.ConfigMaps, objs.Stored = step.lists, objects.TableOf(step.stored...)
		now := *cfg
		if !step.defaults {
			now.DefaultCertificates = nil
		}
		for what, snapshot := range map[string]*gatelodge.Snapshot{"warm": warm.Build(objs, &now), "cold": new(Builder).Build(objs, &now)} {
			if got := shown(snapshot); !slices.Equal(got, step.shown) {
				t.Errorf("%d %s, %s: shown %v, want %v", i, step.name, what, got, step.shown)
			}
			problems := fmt.Sprint(kubetest.Problems(snapshot))
			if step.problem == "" && problems != "[]" || !strings.Contains(problems, step.problem) {
				t.Errorf("%d %s, %s: problems %s, want %q", i, step.name, what, problems, step.problem)
			}
		}
	}
}

// TestFlawedCertificateIsReplaced: where certificates can be ordered, one is for a
// host whose Secret has a flawed one, and for one whose own is flawed.
func TestFlawedCertificateIsReplaced(t *testing.T) {
	from, until := kubetest.Now.Add(-time.Hour), kubetest.Now.Add(time.Hour)
	objs := kubetest.Manifests(strings.ReplaceAll(kubetest.TwoSecrets, "tls: [{secretName: first}, {secretName: second}]", "tls: [{secretName: first, hosts: [app.example.com]}]"))
	secret := kubetest.TLSSecret(t, "shop/first", []string{"app.example.com"}, from, until)
	objs.Secrets = objects.TableOf(secret)
	cfg := &objects.Config{WithoutClass: true, ACME: &objects.ACMEConfig{}, BadKeys: []objects.Key{kubetest.Namespaced("gatelodge/bad-keys")},
		Listeners: []gatelodge.Listener{{Name: "https", Protocol: gatelodge.HTTPS}}}
	objs.ConfigMaps = badKeys("1")
	var warm Builder
	good := warm.Build(objs, cfg)
	if n := good.Issuing.Issuances.Len(); n != 0 {
		t.Fatalf("%d certificates are ordered although the Secret has a good one", n)
	}
	objs.ConfigMaps = badKeys("2", good.Hosts.Get("app.example.com").Certificates[0].KeyHash)
	issuance := warm.Build(objs, cfg).Issuing.Issuances.Get(gatelodge.IssuanceKey{Name: "app.example.com"})
	if issuance == nil || len(issuance.Askers) != 1 || issuance.Certificate != nil {
		t.Fatalf("in place of a flawed certificate of a Secret: %v", issuance)
	}

	// It is issued, and then revoked.
	issued := kubetest.CertificateSecret(t, "gatelodge/"+gatelodge.IssuanceKey{Name: "app.example.com"}.Item(), "1", ecdsaKey(t), []string{"app.example.com"}, from, until)
	issued.Data["name"] = []byte("app.example.com")
	objs.Stored = objects.TableOf(issued)
	snapshot := warm.Build(objs, cfg)
	own := snapshot.Issuing.Issuances.Get(gatelodge.IssuanceKey{Name: "app.example.com"}).Certificate
	if got := shown(snapshot); own == nil || own.Flaw != nil || len(got) != 2 || got[0] != issued.Name {
		t.Fatalf("once it is issued: %v is shown", got)
	}
	objs.Stored = objects.TableOf(issued, storedRevocations(t, "1", gatelodge.Revocation{Fingerprint: own.Fingerprint, At: from, Reason: 4, NotAfter: until}))
	for what, builder := range map[string]*Builder{"warm": &warm, "cold": {}} {
		snapshot = builder.Build(objs, cfg)
		own = snapshot.Issuing.Issuances.Get(gatelodge.IssuanceKey{Name: "app.example.com"}).Certificate
		if own == nil || own.Flaw == nil || own.Flaw.Kind != gatelodge.Revoked {
			t.Errorf("%s: once it is revoked, the issuer has %v", what, own)
		}
		if problems := fmt.Sprint(kubetest.Problems(snapshot)); !strings.Contains(problems, "the certificate that was issued for app.example.com was revoked by its CA") {
			t.Errorf("%s: problems %s", what, problems)
		}
	}
}

// TestFlawedCertificateOfOthers: one that cert-manager left in a Secret is not waited
// for, and one that another program kept is replaced, both as soon as the flaw is known.
func TestFlawedCertificateOfOthers(t *testing.T) {
	key := gatelodge.IssuanceKey{Name: "app.example.com"}
	from, until := kubetest.Now.Add(-time.Hour), kubetest.Now.Add(time.Hour)
	secret := kubetest.TLSSecret(t, "shop/first", []string{"app.example.com"}, from, until)
	secret.Annotations = map[string]string{objects.CertificateName: "first"}
	left := kubetest.Manifests(strings.ReplaceAll(asking, "tls: [{hosts: [app.example.com]}]", "tls: [{secretName: first, hosts: [app.example.com]}]"))
	left.Secrets = objects.TableOf(secret)
	kept := kubetest.Manifests(asking)
	for name, c := range map[string]struct {
		objs    objects.Objects
		adopted objects.Adopted
		told    string
	}{
		"cert-manager": {left, objects.Adopted{}, "the certificate in Secret shop/first for host app.example.com has a key that is on the list"},
		"autocert":     {kept, objects.Adopted{Items: objects.TableOf(item(t, "/autocert/app.example.com", "", "app.example.com", from, until))}, "the certificate that was issued for app.example.com has a key that is on the list"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := &objects.Config{WithoutClass: true, BadKeys: []objects.Key{kubetest.Namespaced("gatelodge/bad-keys")},
				Listeners: []gatelodge.Listener{{Name: "https", Protocol: gatelodge.HTTPS}}, ACME: &objects.ACMEConfig{Adopted: c.adopted}}
			c.objs.ConfigMaps = badKeys("1")
			var warm Builder
			before := warm.Build(c.objs, cfg).Issuing.Issuances.Get(key)
			if before == nil || before.Certificate == nil || before.Certificate.Flaw != nil || before.Elsewhere == before.Adopted {
				t.Fatalf("before anything is known, the issuer is told %v", before)
			}
			c.objs.ConfigMaps = badKeys("2", before.Certificate.KeyHash)
			for what, builder := range map[string]*Builder{"warm": &warm, "cold": {}} {
				snapshot := builder.Build(c.objs, cfg)
				after := snapshot.Issuing.Issuances.Get(key)
				if after == nil || len(after.Askers) != 1 || after.Elsewhere || after.Certificate != nil && after.Certificate.Flaw == nil {
					t.Errorf("%s: the issuer is told %v", what, after)
				}
				if problems := fmt.Sprint(kubetest.Problems(snapshot)); !strings.Contains(problems, c.told) {
					t.Errorf("%s: problems %s, want %q", what, problems, c.told)
				}
			}
		})
	}
}
