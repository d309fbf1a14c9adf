package intent

import (
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/externaldns"
)

// addHostnames adds claims for records of the names in the annotation hostname, and
// removes the records of names that are not to get one.
func (in *Claimant) addHostnames() {
	records := &in.Asked.Records
	for i := range in.Claims {
		claim := &in.Claims[i]
		listed := func(name gatelodge.Name) bool { return name != "" && slices.Contains(records.Names, name) }
		claim.Unpublished = records.Others || records.Source == externaldns.ListedOnly && !listed(claim.Name) && !listed(claim.ShortOf)
	}
	if records.Others || records.Source == externaldns.RuleHostsOnly {
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
