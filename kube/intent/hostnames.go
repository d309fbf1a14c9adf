package intent

import (
	"slices"

	"gatelodge.dev/kube/annotations"
)

// addHostnames asks for a record of each name of the annotation hostname, and
// for none of the names that are not to get one.
func (in *Claimant) addHostnames() {
	records := &in.Asked.Records
	for i := range in.Claims {
		in.Claims[i].Unpublished = records.Others || records.Source == annotations.ListedOnly && !slices.Contains(records.Names, in.Claims[i].Name)
	}
	if records.Others || records.Source == annotations.RuleHostsOnly {
		return
	}
	for _, name := range records.Names {
		if in.claims(name) {
			continue
		}
		if claim := in.claim(name); claim != nil {
			claim.Unrouted = true
		}
	}
}
