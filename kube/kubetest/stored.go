package kubetest

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// AddStored adds what the issuer of certificates keeps, an item a line but for
// the challenges, which are one:
//
//	issued NAME FROM UNTIL    a certificate, with the days at whose start it begins and ends
//	shared NAMESPACE NAME,NAME… FROM UNTIL
//	                          one that hosts of a namespace share, with an item for each
//	elsewhere NAME FINGERPRINT FROM UNTIL
//	                          the window in which the CA wants another issuer's certificate renewed
//	ordered NAME WITH,WITH…   an order in progress for several names
//	failed NAME MESSAGE…      an attempt that failed, to be tried again in an hour
//	profile NAME PROFILE      one that failed because the CA has no such profile
//	refused MESSAGE…          what is wrong between the CA and us
//	challenge TYPE NAME RESPONSE
//	account DIRECTORY URL IDENTITY…
//	persistent TEXT…          what its records for dns-persist-01 say
func AddStored(t *testing.T, objs *objects.Objects, text string) {
	t.Helper()
	var challenges []gatelodge.Challenge
	var accounts []gatelodge.KnownAccount
	add := func(item string, parts map[string][]byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		objs.Stored = objects.WithObjects(objs.Stored, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: "gatelodge", Name: "gatelodge-" + item, UID: types.UID(item), ResourceVersion: "7"},
			Data:       parts,
		})
	}
	failure := func(message string) *gatelodge.Failure {
		return &gatelodge.Failure{Message: message, At: Now, RetryAt: Now.Add(time.Hour), Attempts: 1}
	}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		kind, fields := fields[0], fields[1:]
		name := gatelodge.Name(fields[0])
		kept := gatelodge.StoredIssuance{Name: name}
		switch kind {
		case "issued":
			secret := TLSSecret(t, "gatelodge/any", []string{string(name)}, Day(t, fields[1]), Day(t, fields[2]))
			kept.Chain, kept.Key = secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey]
		case "shared":
			names := strings.Split(fields[1], ",")
			secret := TLSSecret(t, "gatelodge/any", names, Day(t, fields[2]), Day(t, fields[3]))
			for _, name := range names {
				each := gatelodge.StoredIssuance{Name: gatelodge.Name(name), Namespace: fields[0], Chain: secret.Data[corev1.TLSCertKey], Key: secret.Data[corev1.TLSPrivateKeyKey]}
				parts, err := each.Encode()
				add(each.IssuanceKey().Item(), parts, err)
			}
			continue
		case "ordered":
			kept.Order = []byte("{}")
			for _, with := range strings.Split(fields[1], ",") {
				kept.With = append(kept.With, gatelodge.Name(with))
			}
		case "elsewhere":
			kept.Elsewhere = &gatelodge.OtherWindow{Fingerprint: fields[1], RenewalWindow: gatelodge.RenewalWindow{Start: Day(t, fields[2]), End: Day(t, fields[3])}}
		case "failed":
			kept.Failure = failure(strings.Join(fields[1:], " "))
		case "profile":
			kept.Failure = failure("the CA has no profile " + fields[1])
			kept.Failure.Profile = fields[1]
		case "refused":
			parts, err := (&gatelodge.StoredIssuance{Failure: failure(strings.Join(fields, " "))}).Encode()
			add(gatelodge.AuthorityItem, parts, err)
			continue
		case "challenge":
			challenges = append(challenges, gatelodge.Challenge{Type: gatelodge.ChallengeType(fields[0]), Name: gatelodge.Name(fields[1]), Token: "token", Response: fields[2]})
			continue
		case "account":
			accounts = append(accounts, gatelodge.KnownAccount{Directory: fields[0], URL: fields[1], Identities: fields[2:]})
			continue
		case "persistent": // of the account in the line before
			accounts[len(accounts)-1].Persistent = strings.Join(fields, " ")
			continue
		default:
			t.Fatalf("stored %q", line)
		}
		parts, err := kept.Encode()
		add(kept.IssuanceKey().Item(), parts, err)
	}
	if accounts != nil {
		parts, err := gatelodge.EncodeAccounts(accounts)
		add(gatelodge.AccountsItem, parts, err)
	}
	parts, err := gatelodge.EncodeChallenges(challenges)
	add(gatelodge.ChallengesItem, parts, err)
}
