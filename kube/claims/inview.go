package claims

import (
	"slices"

	"gatelodge.dev/kube/intent"
)

// In returns the part of the grant that is in a view: that of its objects in the view.
// The owner is the same in all views. The grant may be nil.
func (g *Grant) In(view string) *Grant {
	if g == nil || g.isEverywhere() {
		return g
	}
	in := &Grant{Name: g.Name, Owner: g.Owner, Contact: g.Contact}
	for _, s := range g.Shares {
		if s.By.IsIn(view) {
			in.Shares = append(in.Shares, s)
		}
	}
	for _, gateway := range g.gateways {
		if gateway.IsIn(view) {
			in.gateways = append(in.gateways, gateway)
			in.follow(g.Leads, &gateway.Applicant)
		}
	}
	for _, ask := range g.services {
		if ask.by.IsIn(view) {
			in.services = append(in.services, ask)
			in.follow(g.Leads, ask.by)
		}
	}
	for _, e := range g.kept {
		if !e.By.IsIn(view) {
			continue
		}
		in.kept = append(in.kept, e)
		if g.Leads == leadsByRecords && slices.Contains([]string{"A", "AAAA", "CNAME"}, e.set.Rtype) {
			in.follow(g.Leads, e.By)
		}
	}
	if len(in.kept) > 0 {
		in.Records = joinSets(in.kept)
	}
	return in
}

// follow sets where the name leads, by the oldest applicant first.
func (g *Grant) follow(kind LeadKind, a *intent.Applicant) {
	if kind != LeadsNowhere && g.Leader == nil {
		g.Leads, g.Leader = kind, a
	}
}

// isEverywhere reports whether all of the grant is in every view.
func (g *Grant) isEverywhere() bool {
	return !slices.ContainsFunc(g.Shares, func(s share) bool { return s.By.Views != nil }) &&
		!slices.ContainsFunc(g.gateways, func(in *intent.Claimant) bool { return in.Views != nil }) &&
		!slices.ContainsFunc(g.services, func(ask serviceAsk) bool { return ask.by.Views != nil }) &&
		!slices.ContainsFunc(g.kept, func(e recordEntry) bool { return e.By.Views != nil })
}

// IsPartial reports whether views differ in their part of the grant, which may be nil.
func (g *Grant) IsPartial() bool { return g != nil && !g.isEverywhere() }

// IsNothing reports whether a grant that In returned is empty.
func (g *Grant) IsNothing() bool {
	return len(g.Shares) == 0 && !g.IsPublished()
}
