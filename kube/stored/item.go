package stored

import (
	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/publish"
	"gatelodge.dev/kube/secrets"
)

// Item is one parsed item.
type Item struct {
	Issuance    *gatelodge.StoredIssuance
	Certificate *gatelodge.Certificate // nil: none was issued yet
	Challenges  *publish.Challenges    // of the item that holds them
	Accounts    *publish.Accounts      // of the item that holds them
	Revoked     *Revocations           // of the item that holds them
	Adopted     bool                   // the issuer does not keep it yet
	problems    []gatelodge.Problem
}

// Problems returns the problems of an item, nothing for none.
func (i *Item) Problems() []gatelodge.Problem {
	if i == nil {
		return nil
	}
	return i.problems
}

// IsFor reports whether the certificate of an item may be served for hosts of a
// namespace: one that is shared may only be for those that share it.
func (i *Item) IsFor(namespace string) bool {
	return i.Issuance.Namespace == "" || i.Issuance.Namespace == namespace
}

// FailureOf returns why the last attempt at an issuance failed; nil if it did not, or only
// because of a profile that is no longer asked for.
func (i *Item) FailureOf(issuance *gatelodge.Issuance) *gatelodge.Failure {
	if i == nil || i.Issuance.Failure == nil || i.Issuance.Failure.Profile != "" && i.Issuance.Failure.Profile != issuance.Profile {
		return nil
	}
	return i.Issuance.Failure
}

func (i *Item) isNewer(than *Item) bool {
	switch {
	case i.Certificate == nil || than.Certificate == nil:
		return than.Certificate == nil && i.Certificate != nil
	case i.Certificate.NotBefore.Equal(than.Certificate.NotBefore):
		return than.Adopted && !i.Adopted
	}
	return i.Certificate.NotBefore.After(than.Certificate.NotBefore)
}

// read reads one item.
func read(secret *corev1.Secret, objs *objects.Objects) *Item {
	item, err := decode(secret, objs)
	if err != nil {
		return &Item{problems: []gatelodge.Problem{{
			Object: objs.ObjectOf("Secret", &secret.ObjectMeta), Reason: gatelodge.BadSecret,
			Message: "what the gateway keeps there can't be read, delete it: " + err.Error(),
		}}}
	}
	return item
}

func decode(secret *corev1.Secret, objs *objects.Objects) (item *Item, err error) {
	item = &Item{}
	if _, ok := secret.Data[gatelodge.ChallengesPart]; ok {
		list, err := gatelodge.DecodeChallenges(secret.Data)
		item.Challenges = &publish.Challenges{List: list, Version: secret.ResourceVersion}
		return item, err
	}
	if _, ok := secret.Data[gatelodge.AccountsPart]; ok {
		list, err := gatelodge.DecodeAccounts(secret.Data)
		item.Accounts = &publish.Accounts{List: list}
		return item, err
	}
	if _, ok := secret.Data[gatelodge.RevocationsPart]; ok {
		list, err := gatelodge.DecodeRevocations(secret.Data)
		item.Revoked = &Revocations{ByFingerprint: make(map[string]gatelodge.Revocation, len(list))}
		for _, revocation := range list {
			item.Revoked.ByFingerprint[revocation.Fingerprint] = revocation
		}
		return item, err
	}
	if item.Issuance, err = gatelodge.DecodeIssuance(secret.Data); err != nil {
		return nil, err
	}
	if len(item.Issuance.Chain) > 0 {
		if item.Certificate, _, err = secrets.ReadCertificate(secret, objs); err != nil {
			return nil, err
		}
		item.Certificate.Source = gatelodge.FromACME
	}
	return item, nil
}

// Revocations are the revocations in an item, by fingerprint.
type Revocations struct {
	ByFingerprint map[string]gatelodge.Revocation
}
