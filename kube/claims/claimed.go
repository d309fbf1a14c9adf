package claims

import (
	"cmp"
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// share is a claim to a name, with its claimant.
type share struct {
	By    *intent.Claimant
	Claim *intent.Claim
}

// asked formats the host in a message to a claimant.
func (s share) asked() string {
	host := intent.HostName(s.Claim.Name)
	if s.Claim.ShortOf != "" {
		host += ", short for " + string(s.Claim.ShortOf) + ","
	}
	return host
}

func (s share) Namespace() string { return s.By.Object.Namespace }

// compare orders claims by the age of the objects.
func (s share) compare(other share) int {
	return compareClaimants(s.By, other.By)
}

// compareClaimants orders objects by their age.
func compareClaimants(a, b *intent.Claimant) int {
	return cmp.Or(a.Applicant.Compare(&b.Applicant), cmp.Compare(a.Part, b.Part))
}

// claimed contains the claims to one name, the oldest first.
type claimed struct{ List []share }

// claimedNames contains the claims to every name.
type claimedNames struct {
	claimants Claimants
	cfg       *objects.Config

	Names gatelodge.Map[gatelodge.Name, *claimed]
	// labelled contains the names with a label that begins with an underscore, which
	// belong to the owner of another name.
	labelled gatelodge.Map[gatelodge.Name, *claimed]
}

// claimNames processes the claimants that changed. Changed contains the names whose
// claims changed.
func claimNames(all Claimants, cfg *objects.Config, last *claimedNames) (c *claimedNames, changed []gatelodge.Name) {
	if last == nil || last.cfg != cfg { // whose zones decide which claims count
		last = &claimedNames{}
	}
	gone := make(map[*intent.Claimant]bool)
	fresh := make(map[gatelodge.Name][]share)
	for _, change := range all.Changes(last.claimants) {
		if before := change.Before; before != nil {
			gone[before] = true
			for name := range before.Names() {
				fresh[name] = slices.Clip(fresh[name])
			}
		}
		if after := change.After; after != nil {
			for i := range after.Claims {
				ask := &after.Claims[i]
				if ask.Unrouted && !cfg.HasZoneOf(ask.Name) {
					continue // others publish it
				}
				fresh[ask.Name] = append(fresh[ask.Name], share{after, ask})
			}
		}
	}
	names, labelled := last.Names.Edit(), last.labelled.Edit()
	changed = make([]gatelodge.Name, 0, len(fresh))
	for name, added := range fresh {
		list := added
		if before := names.Get(name); before != nil {
			list = slices.Concat(added, before.List)
			list = slices.DeleteFunc(list, func(s share) bool { return gone[s.By] })
		}
		var now *claimed
		if len(list) > 0 {
			slices.SortFunc(list, share.compare)
			now = &claimed{list}
		}
		names.Set(name, now)
		if _, is := BelowUnderscore(name); is {
			labelled.Set(name, now)
		}
		changed = append(changed, name)
	}
	return &claimedNames{claimants: all, cfg: cfg, Names: names.Map(), labelled: labelled.Map()}, changed
}
