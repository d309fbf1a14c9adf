package compile

import (
	"cmp"
	"slices"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/stored"
)

// issued contains the gateway's own certificates that can be used now.
type issued struct {
	stored gatelodge.Map[gatelodge.IssuanceKey, *stored.Item]
	flaws  *flaws
	now    time.Time

	byKey     gatelodge.Map[gatelodge.IssuanceKey, *gatelodge.Certificate]
	deadlines deadlines[gatelodge.IssuanceKey]
}

func findIssued(s *stored.Items, f *flaws, objs *objects.Objects, last *issued) *issued {
	if last == nil {
		last = &issued{}
	}
	dirty := make(follow.Dirty[gatelodge.IssuanceKey])
	follow.Changes(dirty, s.ByKey, last.stored)
	if objs.Now.Before(last.now) || f != last.flaws {
		follow.All(dirty, s.ByKey)
	}
	due(dirty, last.deadlines, objs.Now)
	if len(dirty) == 0 {
		return last
	}
	i := &issued{stored: s.ByKey, flaws: f, now: objs.Now}
	byKey, deadlines := last.byKey.Edit(), last.deadlines.Edit()
	for key := range dirty {
		_, before := certificateOf(last.stored.Get(key), last.now)
		certificate, after := certificateOf(s.ByKey.Get(key), objs.Now)
		if certificate != nil {
			certificate = f.judge(certificate)
		}
		if known := last.byKey.Get(key); known != nil && certificate != nil && known.KeyPair == certificate.KeyPair && sameFlaw(known.Flaw, certificate.Flaw) {
			certificate = known
		}
		byKey.Set(key, certificate)
		setDeadline(deadlines, key, before, after)
	}
	i.byKey, i.deadlines = byKey.Map(), deadlines.Map()
	return i
}

// certificateOf returns the certificate of an item if it can be used now, and
// when that changes.
func certificateOf(item *stored.Item, now time.Time) (c *gatelodge.Certificate, until time.Time) {
	if item == nil || item.Certificate == nil {
		return nil, time.Time{}
	}
	begin, end := edges(item.Certificate)
	until = earliest(now, begin, end)
	if outOfDate(item.Certificate, now) != "" {
		return nil, until
	}
	return item.Certificate, until
}

// appendFor appends the certificates for a name of a namespace, its own before that of
// the wildcard above it.
func (i *issued) appendFor(name gatelodge.Name, namespace string, to []*gatelodge.Certificate) []*gatelodge.Certificate {
	if i.byKey.Len() == 0 || name == "" {
		return to
	}
	to = append(slices.Clip(to), i.of(name, namespace)...) // the memory belongs to another result
	if wildcard := name.Wildcard(); wildcard != "" && !name.IsWildcard() {
		to = append(to, i.of(wildcard, namespace)...)
	}
	return to
}

// of returns the certificates for a name itself, the one with an ECDSA key first: it
// costs both sides less, and a client that can't verify it gets the other.
func (i *issued) of(name gatelodge.Name, namespace string) []*gatelodge.Certificate {
	var found []*gatelodge.Certificate
	for _, key := range gatelodge.KeysOf(name) {
		if c := i.byKey.Get(key); c != nil && i.stored.Get(key).IsFor(namespace) {
			found = append(found, c)
		}
	}
	slices.SortStableFunc(found, func(a, b *gatelodge.Certificate) int {
		return cmp.Compare(b.Algorithm, a.Algorithm) // x509.RSA is less than x509.ECDSA
	})
	return found
}
