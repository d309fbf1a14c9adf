package claims

import (
	"cmp"
	"slices"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/externaldns"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// lead is where a name leads: to the gateway, or to what other objects say. The oldest
// of the owner's objects decides, and the others get a problem.
type lead struct {
	Leads    LeadKind
	Leader   *intent.Applicant
	gateways []*intent.Claimant // the owner's that lead it to the gateway, the oldest first
	services []serviceAsk       // … or to these
}

// serviceAsk is where a Service leads the name.
type serviceAsk struct {
	*intent.Claim
	by *intent.Applicant
}

type LeadKind uint8

const (
	LeadsNowhere   LeadKind = iota // no object decides, so it has no address
	LeadsToGateway                 // or to the target of an Ingress
	leadsToServices
	leadsByRecords // by A, AAAA or CNAME records of DNSEndpoints
)

// leadToGateway leads the name to the gateway by an Ingress. Namespaces that the name
// is shared with can't change where it leads.
func (g *Grant) leadToGateway(in *intent.Claimant, unrouted bool) (refusal *gatelodge.Problem) {
	switch own := g.Namespace() == in.Object.Namespace; {
	case g.Leads == leadsToServices || g.Leads == leadsByRecords:
		return intent.Refuse(&in.Applicant, gatelodge.HostTaken, "the records of %s are those of %s, and don't lead to this gateway", intent.HostName(g.Name), g.Leader.Object)
	case own:
		g.Leads, g.Leader = LeadsToGateway, cmp.Or(g.Leader, &in.Applicant)
		g.gateways = append(g.gateways, in)
	case unrouted:
		return intent.Refuse(&in.Applicant, gatelodge.HostTaken, "the records of %s are those of %s", intent.HostName(g.Name), g.Owner.Object)
	}
	return nil
}

// publish adds the records of a Service or a DNSEndpoint, which must be the owner's.
func (g *Grant) publish(ask *intent.Claim, a *intent.Applicant) (refusals []gatelodge.Problem) {
	if g.Namespace() != a.Object.Namespace {
		return []gatelodge.Problem{*intent.Refuse(a, gatelodge.HostTaken, "the records of %s are those of %s", intent.HostName(g.Name), g.Owner.Object)}
	}
	if ask.Records == nil {
		if refusal := g.takeLead(leadsToServices, a); refusal != nil {
			return []gatelodge.Problem{*refusal}
		}
		g.services = append(g.services, serviceAsk{ask, a})
		return nil
	}
	for i := range ask.Records.List {
		if refusal := g.addEntry(recordEntry{set: &ask.Records.List[i], of: ask.Records, By: a}); refusal != nil {
			refusals = append(refusals, *refusal)
		}
	}
	return refusals
}

// takeLead lets objects of one kind decide together where the name leads.
func (g *Grant) takeLead(kind LeadKind, a *intent.Applicant) (refusal *gatelodge.Problem) {
	switch g.Leads {
	case LeadsNowhere:
		g.Leads, g.Leader = kind, a
	case kind:
	default:
		return intent.Refuse(a, gatelodge.HostTaken, "the records of %s are those of %s", intent.HostName(g.Name), g.Leader.Object)
	}
	return nil
}

// IsPublished reports whether an object asks for records of the name.
func (g *Grant) IsPublished() bool { return g.Leads != LeadsNowhere || g.Records != nil }

// Target returns where the name leads if not to the gateway, and the TTL. Both are zero
// if no object says so.
func (g *Grant) Target() (to *externaldns.Target, ttl time.Duration) {
	switch g.Leads {
	case LeadsToGateway:
		return g.gatewayTarget()
	case leadsToServices:
		return g.servicesTarget()
	}
	return nil, 0
}

// gatewayTarget returns the target of the oldest Ingress that has one.
func (g *Grant) gatewayTarget() (to *externaldns.Target, ttl time.Duration) {
	for _, in := range g.gateways {
		to = cmp.Or(to, in.Asked.Records.Target)
		ttl = cmp.Or(ttl, in.Asked.Records.TTL)
	}
	return to, ttl
}

// servicesTarget returns the addresses of all Services, or the target of the oldest
// that leads elsewhere.
func (g *Grant) servicesTarget() (to *externaldns.Target, ttl time.Duration) {
	for i := len(g.services) - 1; i >= 0; i-- {
		ask := g.services[i]
		if ask.TTL != 0 {
			ttl = ask.TTL
		}
		if to == nil || ask.Target.Alias != "" || to.Alias != "" && len(ask.Target.Addresses) > 0 {
			to = ask.Target
		} else if len(ask.Target.Addresses) > 0 {
			to = &externaldns.Target{Addresses: objects.SortedAddresses(slices.Concat(ask.Target.Addresses, to.Addresses))}
		}
	}
	return to, ttl
}

// TargetAuthor returns the applicant that decides where the name leads: the oldest with
// a target.
func (g *Grant) TargetAuthor() *intent.Applicant {
	for _, in := range g.gateways {
		if in.Asked.Records.Target != nil {
			return &in.Applicant
		}
	}
	for _, ask := range g.services {
		if ask.Target.Alias != "" || len(ask.Target.Addresses) > 0 {
			return ask.by
		}
	}
	return g.Leader
}

// leftOut reports the Services whose addresses or names are not published because of
// older ones: a name is an alias of one other name, or has addresses.
func (g *Grant) leftOut() (refusals []gatelodge.Problem) {
	to, _ := g.servicesTarget()
	for _, ask := range g.services {
		switch own := ask.Target; {
		case own.Alias != "" && own.Alias != to.Alias:
			refusals = append(refusals, *intent.Refuse(ask.by, gatelodge.BadRecord, "%s CNAME %s is left out: %s has records of the name, and an alias can't exist beside other records", g.Name, own.Alias, g.TargetAuthor().Object))
		case len(own.Addresses) > 0 && to.Alias != "":
			refusals = append(refusals, *intent.Refuse(ask.by, gatelodge.BadRecord, "the addresses of %s are left out: %s makes it an alias of %s", g.Name, g.TargetAuthor().Object, to.Alias))
		}
	}
	return refusals
}
