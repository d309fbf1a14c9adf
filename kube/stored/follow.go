// Package stored reads the items that the issuer of certificates keeps for all
// replicas, and what was adopted from other programs in the same form. It must not
// depend on which names ask for certificates, or which certificate is served.
package stored

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/publish"
)

// Items contains what the issuer of certificates keeps for all replicas.
type Items struct {
	table   objects.Table[*corev1.Secret]
	adopted objects.Table[*corev1.Secret] // adopted from other programs, in the same form
	All     objects.Table[*Item]
	named   follow.Index[gatelodge.IssuanceKey, objects.Key] // items of issuances; under "" that of the CA as a whole

	ByKey      gatelodge.Map[gatelodge.IssuanceKey, *Item] // issuances
	Authority  *Item                                       // nil: no problem with the CA
	Challenges *publish.Challenges
	Accounts   *publish.Accounts
	Revoked    *Revocations
}

// Follow reads the items that changed.
func Follow(objs *objects.Objects, acme *objects.ACMEConfig, last *Items) *Items {
	table, adopted := objs.Stored, objects.Table[*corev1.Secret]{}
	if acme != nil {
		adopted = acme.Adopted.Items
	}
	if last == nil {
		last = &Items{Challenges: &publish.Challenges{}, Accounts: &publish.Accounts{}, Revoked: &Revocations{}}
	} else if last.table == table && last.adopted == adopted {
		return last
	}
	s := &Items{table: table, adopted: adopted, Challenges: last.Challenges, Accounts: last.Accounts, Revoked: last.Revoked}
	items, named, byKey := last.All.Edit(), last.named.Edit(), last.ByKey.Edit()
	take := func(key objects.Key, secret *corev1.Secret, adopted bool) {
		before, after := items.Get(key), (*Item)(nil)
		if secret != nil {
			after = read(secret, objs)
			if after.Adopted = adopted; adopted && after.Certificate != nil {
				after.Certificate.Object = gatelodge.Object{Kind: "File", Name: key.Name}
			}
		}
		items.Set(key, after)
		if before != nil && before.Challenges != nil {
			s.Challenges = &publish.Challenges{}
		}
		if before != nil && before.Accounts != nil {
			s.Accounts = &publish.Accounts{}
		}
		if before != nil && before.Revoked != nil {
			s.Revoked = &Revocations{}
		}
		if before != nil && before.Issuance != nil {
			named.Set(follow.PairOf(before.Issuance.IssuanceKey(), key), false)
			byKey.Set(before.Issuance.IssuanceKey(), nil)
		}
		if after != nil && after.Issuance != nil {
			named.Set(follow.PairOf(after.Issuance.IssuanceKey(), key), true)
		}
	}
	for key, change := range table.Changes(last.table) {
		take(key, change.After, false)
	}
	for key, change := range adopted.Changes(last.adopted) {
		take(key, change.After, true)
	}
	s.All, s.named = items.Map(), named.Map()
	for _, change := range s.All.Changes(last.All) {
		for _, item := range []*Item{change.Before, change.After} {
			if item != nil && item.Issuance != nil && item.Issuance.Name != "" {
				byKey.Set(item.Issuance.IssuanceKey(), s.first(item.Issuance.IssuanceKey()))
			}
		}
		if item := change.After; item != nil {
			s.Challenges, s.Accounts, s.Revoked = cmp.Or(item.Challenges, s.Challenges), cmp.Or(item.Accounts, s.Accounts), cmp.Or(item.Revoked, s.Revoked)
		}
	}
	s.ByKey, s.Authority = byKey.Map(), s.first(gatelodge.IssuanceKey{})
	return s
}

// first returns the item of a certificate, nil for none: the one with the newest
// certificate, so that nothing adopted takes precedence over its replacement. The
// issuer writes one for each; if there are two, the choice must not depend on their
// order.
func (s *Items) first(key gatelodge.IssuanceKey) *Item {
	var newest *Item
	for name := range follow.Of(s.named, key) {
		if item := s.All.Get(name); newest == nil || item.isNewer(newest) {
			newest = item
		}
	}
	return newest
}
