package claims

import (
	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
)

// Asked is who asks for which name, and what was decided about that.
type Asked struct {
	Grants  *Grants
	Reading *intent.Reading
}

// Claims returns what is known of one name. It looks at every Ingress, which a person
// who asks can wait for.
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
