package kube

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
)

// addStored adds what the issuer of certificates keeps, an item a line but for
// the challenges, which are one:
//
//	issued NAME FROM UNTIL    a certificate, with the days at whose start it begins and ends
//	failed NAME MESSAGE…      an attempt that failed, to be tried again in an hour
//	refused MESSAGE…          what is wrong between the CA and us
//	challenge TYPE NAME RESPONSE
func addStored(t *testing.T, objects *Objects, text string) {
	t.Helper()
	var challenges []gatelodge.Challenge
	add := func(item string, parts map[string][]byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		objects.Stored = append(objects.Stored, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: "gatelodge", Name: "gatelodge-" + item, UID: types.UID(item), ResourceVersion: "7"},
			Data:       parts,
		})
	}
	failure := func(message string) *gatelodge.Failure {
		return &gatelodge.Failure{Message: message, At: testNow, RetryAt: testNow.Add(time.Hour), Attempts: 1}
	}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		kind, fields := fields[0], fields[1:]
		name := gatelodge.Name(fields[0])
		kept := gatelodge.StoredIssuance{Name: name}
		switch kind {
		case "issued":
			secret := tlsSecret(t, "gatelodge/any", []string{string(name)}, day(t, fields[1]), day(t, fields[2]))
			kept.Chain, kept.Key = secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey]
		case "failed":
			kept.Failure = failure(strings.Join(fields[1:], " "))
		case "refused":
			parts, err := (&gatelodge.StoredIssuance{Failure: failure(strings.Join(fields, " "))}).Encode()
			add(gatelodge.AuthorityItem, parts, err)
			continue
		case "challenge":
			challenges = append(challenges, gatelodge.Challenge{Type: gatelodge.ChallengeType(fields[0]), Name: gatelodge.Name(fields[1]), Token: "token", Response: fields[2]})
			continue
		default:
			t.Fatalf("stored %q", line)
		}
		parts, err := kept.Encode()
		add(gatelodge.IssuanceItem(name), parts, err)
	}
	parts, err := gatelodge.EncodeChallenges(challenges)
	add(gatelodge.ChallengesItem, parts, err)
}

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
		"an ALPN challenge without key": {"challenges": []byte(`[{"type":"tls-alpn-01","name":"a.example.com"}]`)},
	} {
		t.Run(name, func(t *testing.T) {
			objects := Objects{Now: testNow, Stored: []*corev1.Secret{{
				ObjectMeta: metav1.ObjectMeta{Namespace: "gatelodge", Name: "gatelodge-item", UID: "1", ResourceVersion: "1"}, Data: parts,
			}}}
			got := new(Builder).Build(objects, &Config{ACME: &ACMEConfig{}})
			if len(got.Problems) != 1 || got.Problems[0].Reason != gatelodge.BadSecret || got.Problems[0].Object.Name != "gatelodge-item" {
				t.Errorf("problems %v, want one of the Secret", got.Problems)
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
		item := gatelodge.IssuanceItem(name)
		if err := checkItemName("gatelodge-" + item); err != nil {
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
	if fmt.Sprint(gatelodge.IssuanceItem("*.a.example.com")) != "acme-cert-wildcard-a.example.com" {
		t.Error("an operator would not know the item of a wildcard by its name")
	}
}
