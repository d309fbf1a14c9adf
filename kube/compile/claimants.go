package compile

import "gatelodge.dev/kube/intent"

// Claimants is the objects that ask for names.
type Claimants = intent.Claimants

// claimants is who asks for names: what the source has, and what the guard
// withholds.
type claimants struct {
	source, withheld Claimants

	all Claimants
}

func joinClaimants(source, withheld Claimants, last *claimants) *claimants {
	if last == nil {
		last = &claimants{}
	} else if last.source == source && last.withheld == withheld {
		return last
	}
	all := last.all.Edit()
	for key, change := range source.Changes(last.source) {
		all.Set(key, change.After)
	}
	for key, change := range withheld.Changes(last.withheld) {
		all.Set(key, change.After)
	}
	return &claimants{source: source, withheld: withheld, all: all.Map()}
}
