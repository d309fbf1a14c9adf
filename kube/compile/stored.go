package compile

import (
	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/publish"
	"gatelodge.dev/kube/secrets"
)

// stored is what the issuer of certificates keeps for all replicas.
type stored struct {
	table   objects.Table[*corev1.Secret]
	adopted objects.Table[*corev1.Secret] // what other programs kept, in the same form
	items   objects.Table[*storedItem]
	named   follow.Index[gatelodge.IssuanceKey, objects.Key] // items of issuances; under "" that of the CA as a whole

	byKey      gatelodge.Map[gatelodge.IssuanceKey, *storedItem] // issuances
	authority  *storedItem                                       // nil: nothing is wrong with the CA
	challenges *publish.Challenges
	accounts   *publish.Accounts
	revoked    *revocations
}

// storedItem is one item, read.
type storedItem struct {
	issuance    *gatelodge.StoredIssuance
	certificate *gatelodge.Certificate // nil: none was issued yet
	challenges  *publish.Challenges    // of the item that holds them
	accounts    *publish.Accounts      // of the item that holds them
	revoked     *revocations           // of the item that holds them
	adopted     bool                   // it is not kept by the issuer yet
	problems    []gatelodge.Problem
}

// followStored reads the items that changed.
func followStored(objs *objects.Objects, acme *objects.ACMEConfig, last *stored) *stored {
	table, adopted := objs.Stored, objects.Table[*corev1.Secret]{}
	if acme != nil {
		adopted = acme.Adopted.Items
	}
	if last == nil {
		last = &stored{challenges: &publish.Challenges{}, accounts: &publish.Accounts{}, revoked: &revocations{}}
	} else if last.table == table && last.adopted == adopted {
		return last
	}
	s := &stored{table: table, adopted: adopted, challenges: last.challenges, accounts: last.accounts, revoked: last.revoked}
	items, named, byKey := last.items.Edit(), last.named.Edit(), last.byKey.Edit()
	take := func(key objects.Key, secret *corev1.Secret, adopted bool) {
		before, after := items.Get(key), (*storedItem)(nil)
		if secret != nil {
			after = readStoredItem(secret, objs)
			if after.adopted = adopted; adopted && after.certificate != nil {
				after.certificate.Object = gatelodge.Object{Kind: "File", Name: key.Name}
			}
		}
		items.Set(key, after)
		if before != nil && before.challenges != nil {
			s.challenges = &publish.Challenges{}
		}
		if before != nil && before.accounts != nil {
			s.accounts = &publish.Accounts{}
		}
		if before != nil && before.revoked != nil {
			s.revoked = &revocations{}
		}
		if before != nil && before.issuance != nil {
			named.Set(follow.PairOf(before.issuance.IssuanceKey(), key), false)
			byKey.Set(before.issuance.IssuanceKey(), nil)
		}
		if after != nil && after.issuance != nil {
			named.Set(follow.PairOf(after.issuance.IssuanceKey(), key), true)
		}
	}
	for key, change := range table.Changes(last.table) {
		take(key, change.After, false)
	}
	for key, change := range adopted.Changes(last.adopted) {
		take(key, change.After, true)
	}
	s.items, s.named = items.Map(), named.Map()
	for key, change := range s.items.Changes(last.items) {
		for _, item := range []*storedItem{change.Before, change.After} {
			if item != nil && item.issuance != nil && item.issuance.Name != "" {
				byKey.Set(item.issuance.IssuanceKey(), s.first(item.issuance.IssuanceKey()))
			}
		}
		if item := s.items.Get(key); item != nil && item.challenges != nil {
			s.challenges = item.challenges
		}
		if item := s.items.Get(key); item != nil && item.accounts != nil {
			s.accounts = item.accounts
		}
		if item := s.items.Get(key); item != nil && item.revoked != nil {
			s.revoked = item.revoked
		}
	}
	s.byKey, s.authority = byKey.Map(), s.first(gatelodge.IssuanceKey{})
	return s
}

// first returns the item of a certificate, nil for none: the one with the newest certificate,
// so that nothing that was adopted comes before what has replaced it. The issuer
// writes one for each; if there are two, the choice must not depend on which came
// first.
func (s *stored) first(key gatelodge.IssuanceKey) *storedItem {
	var newest *storedItem
	for name := range follow.Of(s.named, key) {
		if item := s.items.Get(name); newest == nil || item.isNewer(newest) {
			newest = item
		}
	}
	return newest
}

func (i *storedItem) isNewer(than *storedItem) bool {
	switch {
	case i.certificate == nil || than.certificate == nil:
		return than.certificate == nil && i.certificate != nil
	case i.certificate.NotBefore.Equal(than.certificate.NotBefore):
		return than.adopted && !i.adopted
	}
	return i.certificate.NotBefore.After(than.certificate.NotBefore)
}

// readStoredItem reads one item.
func readStoredItem(secret *corev1.Secret, objs *objects.Objects) *storedItem {
	item, err := decodeStoredItem(secret, objs)
	if err != nil {
		return &storedItem{problems: []gatelodge.Problem{{
			Object: objs.ObjectOf("Secret", &secret.ObjectMeta), Reason: gatelodge.BadSecret,
			Message: "what the gateway keeps there can't be read, delete it: " + err.Error(),
		}}}
	}
	return item
}

func decodeStoredItem(secret *corev1.Secret, objs *objects.Objects) (item *storedItem, err error) {
	item = &storedItem{}
	if _, ok := secret.Data[gatelodge.ChallengesPart]; ok {
		list, err := gatelodge.DecodeChallenges(secret.Data)
		item.challenges = &publish.Challenges{List: list, Version: secret.ResourceVersion}
		return item, err
	}
	if _, ok := secret.Data[gatelodge.AccountsPart]; ok {
		list, err := gatelodge.DecodeAccounts(secret.Data)
		item.accounts = &publish.Accounts{List: list}
		return item, err
	}
	if _, ok := secret.Data[gatelodge.RevocationsPart]; ok {
		list, err := gatelodge.DecodeRevocations(secret.Data)
		item.revoked = &revocations{make(map[string]gatelodge.Revocation, len(list))}
		for _, revocation := range list {
			item.revoked.byFingerprint[revocation.Fingerprint] = revocation
		}
		return item, err
	}
	if item.issuance, err = gatelodge.DecodeIssuance(secret.Data); err != nil {
		return nil, err
	}
	if len(item.issuance.Chain) > 0 {
		if item.certificate, _, err = secrets.ReadCertificate(secret, objs); err != nil {
			return nil, err
		}
		item.certificate.Source = gatelodge.FromACME
	}
	return item, nil
}
