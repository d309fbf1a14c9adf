package issuer

import (
	"slices"
	"time"

	"gatelodge.dev"
	"gatelodge.dev/tls/budget"
)

// Each name has a certificate of its own, so that none can keep another from getting
// its. Only where limits of the CA would make hosts wait for long, those of one
// namespace share certificates: they are ordered as a bundle, at the place of the one
// that needs it most. Each still has an item of its own in the Store, with the same
// certificate and key, so that one that leaves, fails or is deleted concerns no other.

// mostNames is how many names public CAs put into one certificate at most.
const mostNames = 100

// mostByProfile is how many they put into one by a profile that is asked for: the limit
// that is configured is that of the account's.
const mostByProfile = 25

// bundle takes what is ordered together with s, which has just begun, out of the queue.
// That is what the order in progress is for, what shares the certificate to be renewed,
// or other hosts that would have to wait.
func (q *queue) bundle(s *nameState, names func(gatelodge.IssuanceKey) *nameState, l *budget.Ledger, now time.Time) []*nameState {
	i, most := s.issuance, max(1, l.Limits.Names)
	if renews(i) && l.Limits.Names <= 1 {
		most = len(i.Certificate.Names) // it is renewed as it is
	}
	if i.Profile != "" {
		most = min(most, mostByProfile)
	}
	if s.turn.most > 0 {
		most = min(most, s.turn.most)
	}
	var with []*nameState
	switch {
	case s.turn.namespace == "": // what is no longer asked for, and certificates that the configuration asks for
	case i.Ordered:
		with = q.named(s, i.With, names, len(i.With))
	case !i.RetryAt.IsZero(): // it may fail again
	case renews(i):
		with = q.named(s, i.Certificate.Names, names, most-1)
	default:
		with = q.newcomers(s, l, now, most)
	}
	for _, other := range with {
		q.remove(other)
		other.turn, other.head = s.turn, s
	}
	return with
}

// named returns at most so many of the names that are free to be ordered together with
// s. Of those with a certificate it is those that share it.
func (q *queue) named(s *nameState, list []gatelodge.Name, names func(gatelodge.IssuanceKey) *nameState, most int) (with []*nameState) {
	for _, name := range list {
		other := names(gatelodge.IssuanceKey{Name: name, Second: s.issuance.Second})
		if len(with) >= most {
			break
		}
		if second := names(gatelodge.IssuanceKey{Name: name, Second: !s.issuance.Second}); second != nil && second.turn != nil {
			continue // one of the two for a name at a time
		}
		if other == nil || other == s || other.turn != nil || other.info.held || !other.suits(s) || !s.issuance.Ordered && !other.sharesCertificate(s) {
			continue
		}
		with = append(with, other)
	}
	return with
}

// widen has the next bundle of the namespace be for more names, after one was issued.
func (t *turn) widen() {
	if t.most *= 2; t.most >= mostNames {
		t.most = 0
	}
}

// suits reports whether a name can be in one certificate with another: both are asked
// for by one namespace, and by the same terms.
func (s *nameState) suits(other *nameState) bool {
	i, o := s.issuance, other.issuance
	return i != nil && len(i.Askers) > 0 && len(i.Challenges) > 0 && askingOf(i) == askingOf(o) &&
		i.Second == o.Second && i.KeyType == o.KeyType && i.Profile == o.Profile && i.Chain == o.Chain
}

// sharesCertificate reports whether a name has the same certificate as another, and
// nothing is known that keeps it from being renewed.
func (s *nameState) sharesCertificate(other *nameState) bool {
	c := s.issuance.Certificate
	return c != nil && c.Fingerprint == other.issuance.Certificate.Fingerprint && s.issuance.RetryAt.IsZero() && !s.issuance.Ordered
}

// leads lists the names that an issuance's order in progress is for besides its own.
func leads(i *gatelodge.Issuance) []gatelodge.Name {
	if i == nil || !i.Ordered || len(i.Askers) == 0 || len(i.Challenges) == 0 {
		return nil
	}
	return i.With
}

// followBundle takes in which names are in the order of another: they wait for that. The
// caller holds the lock.
func (t *term) followBundle(head gatelodge.IssuanceKey, change gatelodge.Change[*gatelodge.Issuance]) {
	before, after := leads(change.Before), leads(change.After)
	keyOf := func(name gatelodge.Name) gatelodge.IssuanceKey {
		return gatelodge.IssuanceKey{Name: name, Second: head.Second}
	}
	for _, name := range before {
		if t.heads[keyOf(name)] == head {
			delete(t.heads, keyOf(name))
		}
	}
	for _, name := range after {
		t.heads[keyOf(name)] = head
	}
	for _, name := range slices.Concat(before, after) {
		if s := t.names[keyOf(name)]; s != nil {
			t.queue.remove(s)
			t.schedule(keyOf(name))
		}
	}
}
