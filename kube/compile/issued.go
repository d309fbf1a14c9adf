package compile

import (
	"slices"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/objects"
)

// issued is the certificates of ours that can be used now.
type issued struct {
	stored gatelodge.Map[gatelodge.Name, *storedItem]
	flaws  *flaws
	now    time.Time

	byName    gatelodge.Map[gatelodge.Name, *gatelodge.Certificate]
	deadlines deadlines[gatelodge.Name]
}

func findIssued(s *stored, f *flaws, objs *objects.Objects, last *issued) *issued {
	if last == nil {
		last = &issued{}
	}
	dirty := make(follow.Dirty[gatelodge.Name])
	follow.Changes(dirty, s.byName, last.stored)
	if objs.Now.Before(last.now) || f != last.flaws {
		follow.All(dirty, s.byName)
	}
	due(dirty, last.deadlines, objs.Now)
	if len(dirty) == 0 {
		return last
	}
	i := &issued{stored: s.byName, flaws: f, now: objs.Now}
	byName, deadlines := last.byName.Edit(), last.deadlines.Edit()
	for name := range dirty {
		_, before := certificateOf(last.stored.Get(name), last.now)
		certificate, after := certificateOf(s.byName.Get(name), objs.Now)
		if certificate != nil {
			certificate = f.judge(certificate)
		}
		if known := last.byName.Get(name); known != nil && certificate != nil && known.KeyPair == certificate.KeyPair && sameFlaw(known.Flaw, certificate.Flaw) {
			certificate = known
		}
		byName.Set(name, certificate)
		setDeadline(deadlines, name, before, after)
	}
	i.byName, i.deadlines = byName.Map(), deadlines.Map()
	return i
}

// certificateOf returns the certificate of an item if it can be used now, and
// when that changes.
func certificateOf(item *storedItem, now time.Time) (c *gatelodge.Certificate, until time.Time) {
	if item == nil || item.certificate == nil {
		return nil, time.Time{}
	}
	begin, end := edges(item.certificate)
	until = earliest(now, begin, end)
	if outOfDate(item.certificate, now) != "" {
		return nil, until
	}
	return item.certificate, until
}

// appendFor appends the certificates for a name, that for itself before that of
// the wildcard above it.
func (i *issued) appendFor(name gatelodge.Name, to []*gatelodge.Certificate) []*gatelodge.Certificate {
	if i.byName.Len() == 0 || name == "" {
		return to
	}
	to = slices.Clip(to) // it is another's memory
	if c := i.byName.Get(name); c != nil {
		to = append(to, c)
	}
	if c := i.byName.Get(name.Wildcard()); c != nil && !name.IsWildcard() {
		to = append(to, c)
	}
	return to
}
