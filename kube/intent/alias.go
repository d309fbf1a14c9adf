package intent

import (
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
)

// addAliases adds a claim for each alias, like that of the first rule's host. The
// spec.tls entries of that host apply to its aliases too. An alias with its own rule is
// served by that rule.
func (in *Claimant) addAliases() {
	if len(in.Asked.Aliases) == 0 {
		return
	}
	if len(in.Claims) == 0 {
		in.problem(gatelodge.BadAnnotation, "annotation server-alias needs a rule with a host")
		return
	}
	first := in.Claims[0]
	for _, alias := range in.Asked.Aliases {
		if in.claims(alias) {
			continue
		}
		claim := in.claim(alias)
		if claim == nil {
			break
		}
		claim.Paths, claim.Fallback = first.Paths, first.Fallback
		in.coverAlso(first.Name, alias)
	}
}

// coverAlso makes the spec.tls entries of a host apply to another one too.
func (in *Claimant) coverAlso(host, also gatelodge.Name) {
	if in.also == nil {
		in.also = make(map[gatelodge.Name]gatelodge.Name)
	}
	in.also[also] = host
}

// addWWW adds a claim for the name with or without www. beside each host, to redirect
// from it to the host. A name with its own rule is served by that rule.
func (in *Claimant) addWWW() {
	if !in.Asked.Redirects.WWW {
		return
	}
	for _, host := range slices.Clone(in.Claims) {
		if host.Name == "" || host.Name.IsWildcard() || !host.Routed() {
			continue
		}
		from, has := strings.CutPrefix(string(host.Name), "www.")
		if !has {
			from = "www." + string(host.Name)
		}
		name, err := gatelodge.ParseName(from)
		if err != nil || in.claims(name) {
			continue
		}
		claim := in.claim(name)
		if claim == nil {
			return
		}
		claim.Paths = []PathAsk{redirectTo(host.Name)}
		in.coverAlso(host.Name, name)
	}
}

// redirectTo returns a path that redirects every request to the same URL of a host.
func redirectTo(host gatelodge.Name) PathAsk {
	return PathAsk{Path: "/", Match: gatelodge.PathPrefix, RedirectTo: &gatelodge.RedirectTo{Status: 308, Location: gatelodge.Template{
		{Value: gatelodge.RequestScheme}, {Text: "://" + string(host)}, {Value: gatelodge.RequestTarget},
	}}}
}
