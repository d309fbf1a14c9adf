package compile

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

// TestBadStoredItem: what can't be read is told, and keeps nothing else from
// being served.
func TestBadStoredItem(t *testing.T) {
	for name, parts := range map[string]map[string][]byte{
		"a certificate without its key": {"name": []byte("a.example.com"), "tls.crt": []byte("x")},
		"a name that is none":           {"name": []byte("a..example.com")},
		"a failure that is no JSON":     {"name": []byte("a.example.com"), "failure": []byte("{")},
		"challenges that are no JSON":   {"challenges": []byte("{")},
		"a challenge with a line break": {"challenges": []byte(`[{"type":"dns-01","name":"a.example.com","response":"a\" b"}]`)},
		"a challenge of no known type":  {"challenges": []byte(`[{"type":"magic","name":"a.example.com","response":"a"}]`)},
		"accounts that are no JSON":     {"accounts": []byte("{")},
		"an account that ends a value":  {"accounts": []byte(`[{"directory":"d","url":"https://ca.example/1;2"}]`)},
		"an identity that is no name":   {"accounts": []byte(`[{"directory":"d","url":"https://ca.example/1","identities":["a\" b"]}]`)},
		"revocations that are no JSON":  {"revocations": []byte("{")},
		"an ALPN challenge without key": {"challenges": []byte(`[{"type":"tls-alpn-01","name":"a.example.com"}]`)},
	} {
		t.Run(name, func(t *testing.T) {
			objs := objects.Objects{Now: kubetest.Now, Stored: objects.TableOf(&corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Namespace: "gatelodge", Name: "gatelodge-item", UID: "1", ResourceVersion: "1"}, Data: parts,
			})}
			got := new(Builder).Build(objs, &objects.Config{ACME: &objects.ACMEConfig{}})
			problems := kubetest.Problems(got)
			if len(problems) != 1 || problems[0].Reason != gatelodge.BadSecret || problems[0].Object.Name != "gatelodge-item" {
				t.Errorf("problems %v, want one of the Secret", problems)
			}
		})
	}
}

// TestItemNames: the names of items are names of Secrets, and different ones
// for different names.
func TestItemNames(t *testing.T) {
	long := gatelodge.Name(strings.Repeat(strings.Repeat("a", 49)+".", 4) + "example.com")
	seen := make(map[string]gatelodge.Name)
	for _, name := range []gatelodge.Name{"a.example.com", "*.a.example.com", "wildcard-a.example.com", "_x.example.com", "*._x.example.com", long, "*." + long} {
		for _, key := range gatelodge.KeysOf(name) {
			item := key.Item()
			if err := objects.CheckItemName("gatelodge-" + item); err != nil {
				t.Error(err)
			}
			if !gatelodge.IsServedItem(item) {
				t.Errorf("item %s is not served", item)
			}
			if other, ok := seen[item]; ok {
				t.Errorf("%s and %s share item %s", name, other, item)
			}
			seen[item] = name
		}
	}
	if fmt.Sprint(gatelodge.IssuanceKey{Name: "*.a.example.com"}.Item()) != "acme-cert-wildcard-a.example.com" {
		t.Error("an operator would not know the item of a wildcard by its name")
	}
}
