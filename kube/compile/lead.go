package compile

import (
	"cmp"
	"slices"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
)

// lead is where a name leads: to the gateway, or as other objects say. The
// oldest of the owner's objects decides, and the author of any other is told.
type lead struct {
	leads    leadKind
	leader   *intent.Applicant
	gateways []*intent.Claimant // the owner's that have it lead to the gateway, the oldest first
	services []serviceAsk       // … or to these
}

// serviceAsk is where a Service has the name lead.
type serviceAsk struct {
	*intent.Claim
	by *intent.Applicant
}

type leadKind uint8

const (
	leadsNowhere   leadKind = iota // no object says, so it has no address
	leadsToGateway                 // or to the target that an Ingress gives instead
	leadsToServices
	leadsByRecords // by A, AAAA or CNAME records of DNSEndpoints
)

// leadToGateway has the name lead to the gateway by an Ingress. Namespaces that
// were let in to add paths may not move it.
func (g *grant) leadToGateway(in *intent.Claimant, unrouted bool) (refusal *gatelodge.Problem) {
	switch own := g.namespace() == in.Object.Namespace; {
	case g.leads == leadsToServices || g.leads == leadsByRecords:
		return intent.Refuse(&in.Applicant, gatelodge.HostTaken, "the records of %s are those of %s, and don't lead to this gateway", intent.HostName(g.name), g.leader.Object)
	case own:
		g.leads, g.leader = leadsToGateway, cmp.Or(g.leader, &in.Applicant)
		g.gateways = append(g.gateways, in)
	case unrouted:
		return intent.Refuse(&in.Applicant, gatelodge.HostTaken, "the records of %s are those of %s", intent.HostName(g.name), g.owner.Object)
	}
	return nil
}

// publish adds what a Service or a DNSEndpoint asks for, which only the owner's
// may.
func (g *grant) publish(ask *intent.Claim, a *intent.Applicant) (refusals []gatelodge.Problem) {
	if g.namespace() != a.Object.Namespace {
		return []gatelodge.Problem{*intent.Refuse(a, gatelodge.HostTaken, "the records of %s are those of %s", intent.HostName(g.name), g.owner.Object)}
	}
	if ask.Records == nil {
		if refusal := g.takeLead(leadsToServices, a); refusal != nil {
			return []gatelodge.Problem{*refusal}
		}
		g.services = append(g.services, serviceAsk{ask, a})
		return nil
	}
	for i := range ask.Records.List {
		if refusal := g.addEntry(recordEntry{set: &ask.Records.List[i], of: ask.Records, by: a}); refusal != nil {
			refusals = append(refusals, *refusal)
		}
	}
	return refusals
}

// takeLead lets objects of one kind say together where the name leads.
func (g *grant) takeLead(kind leadKind, a *intent.Applicant) (refusal *gatelodge.Problem) {
	switch g.leads {
	case leadsNowhere:
		g.leads, g.leader = kind, a
	case kind:
	default:
		return intent.Refuse(a, gatelodge.HostTaken, "the records of %s are those of %s", intent.HostName(g.name), g.leader.Object)
	}
	return nil
}

// isPublished reports whether an object asks for records of the name.
func (g *grant) isPublished() bool { return g.leads != leadsNowhere || g.records != nil }

// target is where the name leads other than to the gateway, and for how long.
// Both are zero where no object says so.
func (g *grant) target() (to *intent.Target, ttl time.Duration) {
	switch g.leads {
	case leadsToGateway:
		return g.gatewayTarget()
	case leadsToServices:
		return g.servicesTarget()
	}
	return nil, 0
}

// gatewayTarget is what the oldest Ingress says that says anything.
func (g *grant) gatewayTarget() (to *intent.Target, ttl time.Duration) {
	for _, in := range g.gateways {
		to = cmp.Or(to, in.Asked.Records.Target)
		ttl = cmp.Or(ttl, in.Asked.Records.TTL)
	}
	return to, ttl
}

// servicesTarget is the addresses of all Services, or what the oldest says that
// leads elsewhere.
func (g *grant) servicesTarget() (to *intent.Target, ttl time.Duration) {
	for i := len(g.services) - 1; i >= 0; i-- {
		ask := g.services[i]
		if ask.TTL != 0 {
			ttl = ask.TTL
		}
		if to == nil || ask.Target.Alias != "" || to.Alias != "" && len(ask.Target.Addresses) > 0 {
			to = ask.Target
		} else if len(ask.Target.Addresses) > 0 {
			to = &intent.Target{Addresses: intent.SortedAddresses(slices.Concat(ask.Target.Addresses, to.Addresses))}
		}
	}
	return to, ttl
}

// targetAuthor returns the applicant that says where the name leads: the oldest
// that has something to say.
func (g *grant) targetAuthor() *intent.Applicant {
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
	return g.leader
}

// leftOut tells the Services whose addresses or names are not published beside
// those of older ones: a name is an alias of one other, or has addresses.
func (g *grant) leftOut() (refusals []gatelodge.Problem) {
	to, _ := g.servicesTarget()
	for _, ask := range g.services {
		switch own := ask.Target; {
		case own.Alias != "" && own.Alias != to.Alias:
			refusals = append(refusals, *intent.Refuse(ask.by, gatelodge.BadRecord, "%s CNAME %s is left out: %s says where the name leads, and an alias stands alone", g.name, own.Alias, g.targetAuthor().Object))
		case len(own.Addresses) > 0 && to.Alias != "":
			refusals = append(refusals, *intent.Refuse(ask.by, gatelodge.BadRecord, "the addresses of %s are left out: %s makes it an alias of %s", g.name, g.targetAuthor().Object, to.Alias))
		}
	}
	return refusals
}
