package compile

import (
	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// Claimants is the objects that ask for names.
type Claimants = gatelodge.Map[intent.Key, *intent.Claimant]

// claimants is who asks for names: what the source has, and what the guard
// withholds.
type claimants struct {
	ours     *intent.Selection  // Ingresses …
	listed   []*intent.Claimant // … and others of the source
	withheld Claimants

	source    Claimants
	all       Claimants
	selection *intent.Selection // the Ingresses of all
}

func joinClaimants(ours *intent.Selection, listed []*intent.Claimant, withheld Claimants, last *claimants) *claimants {
	if last == nil {
		last = &claimants{ours: &intent.Selection{}}
	} else if last.ours == ours && objects.SameSlice(last.listed, listed) && last.withheld == withheld {
		return last
	}
	c := &claimants{ours: ours, listed: listed, withheld: withheld, selection: ours}
	source := last.source.Edit()
	for _, lists := range [][2][]*intent.Claimant{{last.ours.Ours, ours.Ours}, {last.listed, listed}} {
		gone, fresh := objects.Changed(lists[0], lists[1])
		for _, claimant := range gone {
			source.Set(claimant.Key(), nil)
		}
		for _, claimant := range fresh {
			source.Set(claimant.Key(), claimant)
		}
	}
	c.source = source.Map()
	all := last.all.Edit()
	for key, change := range c.source.Changes(last.source) {
		all.Set(key, change.After)
	}
	for key, change := range withheld.Changes(last.withheld) {
		all.Set(key, change.After)
	}
	c.all = all.Map()
	if withheld.Len() > 0 {
		together := *ours
		together.Ours = nil
		for _, claimant := range c.all.All() {
			if claimant.Source != nil {
				together.Ours = append(together.Ours, claimant)
			}
		}
		c.selection = &together
	}
	return c
}
