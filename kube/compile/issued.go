package compile

import (
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// issued is the certificates of ours that can be used now.
type issued struct {
	stored *stored
	byName map[gatelodge.Name]*gatelodge.Certificate
	stable period
}

func findIssued(s *stored, objs *objects.Objects, last *issued) *issued {
	if last != nil && last.stored == s && last.stable.contains(objs.Now) {
		return last
	}
	i := &issued{stored: s, byName: make(map[gatelodge.Name]*gatelodge.Certificate)}
	for _, name := range s.order {
		certificate := s.byName[name].certificate
		if certificate == nil {
			continue
		}
		i.stable.narrow(certificate, objs.Now)
		if outOfDate(certificate, objs.Now) == "" {
			i.byName[name] = certificate
		}
	}
	return i
}

// appendFor appends the certificates for a name, that for itself before that of
// the wildcard above it.
func (i *issued) appendFor(name gatelodge.Name, to []*gatelodge.Certificate) []*gatelodge.Certificate {
	if len(i.byName) == 0 || name == "" {
		return to
	}
	to = slices.Clip(to) // it is another's memory
	if c := i.byName[name]; c != nil {
		to = append(to, c)
	}
	if c := i.byName[name.Wildcard()]; c != nil && !name.IsWildcard() {
		to = append(to, c)
	}
	return to
}
