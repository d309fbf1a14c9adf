package claims

import (
	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
)

// Asked contains the claims to each name, and the rulings about them.
type Asked struct {
	Grants  *Grants
	Reading *intent.Reading
}

// Claims returns what is known about one name. It scans every Ingress, which is fast
// enough for an explanation.
func (a Asked) Claims(name gatelodge.Name) gatelodge.NameClaims {
	var known gatelodge.NameClaims
	if a.Grants == nil {
		return known
	}
	known.Skipped = a.Reading.Skipped(name)
	ruling := a.Grants.Rulings.Get(name)
	if ruling == nil {
		return known
	}
	known.Refused = ruling.problems
	if ruling.owner == nil {
		return known
	}
	known.Owner, known.Since = ruling.owner.Object, ruling.since
	if known.Since.IsZero() {
		known.Since = ruling.owner.Since
	}
	for _, s := range ruling.granted {
		known.Granted = append(known.Granted, s.By.Object)
	}
	return known
}
