package compile

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// stored is what the issuer of certificates keeps for all replicas.
type stored struct {
	secrets []*corev1.Secret
	items   map[types.UID]*storedItem

	byName     map[gatelodge.Name]*storedItem // issuances
	order      []gatelodge.Name               // of byName, sorted
	authority  *storedItem                    // nil: nothing is wrong with the CA
	challenges *challenges
	problems   []gatelodge.Problem
}

// challenges is the answers that CAs wait for.
type challenges struct {
	list    []gatelodge.Challenge
	version string
}

// storedItem is one item, read.
type storedItem struct {
	version     objects.Version
	issuance    *gatelodge.StoredIssuance
	certificate *gatelodge.Certificate // nil: none was issued yet
	challenges  *challenges            // of the item that holds them
	err         error
}

// readStored reads the items, and keeps from last what was read of those that
// did not change.
func readStored(objs *objects.Objects, last *stored) *stored {
	if last != nil && slices.Equal(last.secrets, objs.Stored) {
		return last
	}
	s := &stored{
		secrets: objs.Stored,
		items:   make(map[types.UID]*storedItem, len(objs.Stored)),
		byName:  make(map[gatelodge.Name]*storedItem, len(objs.Stored)),
	}
	for _, secret := range objs.Stored {
		item := (*storedItem)(nil)
		if last != nil {
			item = last.items[secret.UID]
		}
		if v := objs.VersionOf(&secret.ObjectMeta); item == nil || item.version != v {
			item = readStoredItem(secret, objs)
			item.version = v
		}
		s.items[secret.UID] = item
		s.take(secret, item, objs)
	}
	if s.challenges == nil {
		s.challenges = &challenges{}
		if last != nil && last.challenges.version == "" {
			s.challenges = last.challenges
		}
	}
	for name := range s.byName {
		s.order = append(s.order, name)
	}
	slices.SortFunc(s.order, gatelodge.Name.Compare)
	return s
}

// readStoredItem reads one item.
func readStoredItem(secret *corev1.Secret, objs *objects.Objects) *storedItem {
	item := &storedItem{}
	if _, ok := secret.Data[gatelodge.ChallengesPart]; ok {
		var list []gatelodge.Challenge
		list, item.err = gatelodge.DecodeChallenges(secret.Data)
		item.challenges = &challenges{list: list, version: secret.ResourceVersion}
		return item
	}
	item.issuance, item.err = gatelodge.DecodeIssuance(secret.Data)
	if item.err == nil && len(item.issuance.Chain) > 0 {
		item.certificate, item.err = readCertificate(secret, objs)
	}
	if item.certificate != nil {
		item.certificate.Source = gatelodge.FromACME
	}
	return item
}

func (s *stored) take(secret *corev1.Secret, item *storedItem, objs *objects.Objects) {
	switch {
	case item.err != nil:
		s.problems = append(s.problems, gatelodge.Problem{
			Object: objs.ObjectOf("Secret", &secret.ObjectMeta), Reason: gatelodge.BadSecret,
			Message: "what the gateway keeps there can't be read, delete it: " + item.err.Error(),
		})
	case item.challenges != nil:
		s.challenges = item.challenges
	case item.issuance.Name == "":
		s.authority = item
	default:
		// Two items of one name are not written; if there are, the choice must
		// not depend on their order.
		if other := s.byName[item.issuance.Name]; other == nil || cmp.Compare(item.version.Uid, other.version.Uid) < 0 {
			s.byName[item.issuance.Name] = item
		}
	}
}
