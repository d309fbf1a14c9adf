package intent

import (
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/objects"
)

// addShortNames adds a claim for the short name of each host. A short name with its own
// rule is served by that rule. They come last, so that they are left out first if an
// Ingress asks for too much.
func (in *Claimant) addShortNames(cfg *objects.Config) {
	if in.ShortNames != annotations.ShortAlike && in.ShortNames != annotations.ShortRedirected {
		return
	}
	levels, found := cfg.Levels(), false
	for _, long := range slices.Clone(in.Claims) {
		at := gatelodge.LevelsAt(levels, long.Name)
		if at == nil {
			continue
		}
		short, ok := at.Short(long.Name)
		if !ok {
			continue
		}
		if found = true; in.claims(short) {
			continue
		}
		claim := in.claim(short)
		if claim == nil {
			break
		}
		claim.ShortOf, claim.Paths, claim.Fallback = long.Name, long.Paths, long.Fallback
		if in.ShortNames == annotations.ShortRedirected && !long.Name.IsWildcard() {
			claim.Paths, claim.Fallback = []PathAsk{redirectTo(long.Name)}, nil
		}
		in.coverAlso(long.Name, short)
	}
	if in.Asked.ShortNames == in.ShortNames && !found {
		in.problem(gatelodge.UnknownAnnotation, "annotation %sshort-names has no effect here: no host of the Ingress is below all levels of its zone (dns.zones[].levels)", annotations.OwnPrefix)
	}
}
