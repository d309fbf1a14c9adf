package claims

import (
	"gatelodge.dev/kube/intent"
)

// Claimants are the objects that ask for names.
type Claimants = intent.Claimants

// Joined contains all claimants: those of the source, and those that the guard
// withholds.
type Joined struct {
	Source, withheld Claimants

	All Claimants
}

func JoinClaimants(source, withheld Claimants, last *Joined) *Joined {
	if last == nil {
		last = &Joined{}
	} else if last.Source == source && last.withheld == withheld {
		return last
	}
	all := last.All.Edit()
	for key, change := range source.Changes(last.Source) {
		all.Set(key, change.After)
	}
	for key, change := range withheld.Changes(last.withheld) {
		all.Set(key, change.After)
	}
	return &Joined{Source: source, withheld: withheld, All: all.Map()}
}
