package kube

import (
	"cmp"
	"slices"
	"time"

	gatelodge "gatelodge.dev"
)

// lead is where a name leads: to the gateway, or as other objects say. The
// oldest of the owner's objects decides, and the author of any other is told.
type lead struct {
	leads    leadKind
	leader   *applicant
	gateways []*ingress    // the owner's that have it lead to the gateway, the oldest first
	services []*publishAsk // … or to these
}

type leadKind uint8

const (
	leadsNowhere   leadKind = iota // nobody says, so it has no address
	leadsToGateway                 // or to the target that an Ingress gives instead
	leadsToServices
	leadsByRecords // by A, AAAA or CNAME records of DNSEndpoints
)

// leadToGateway has the name lead to the gateway by an Ingress. Who was let in to
// add paths may not move it.
func (g *grant) leadToGateway(in *ingress, unrouted bool) (refusal *gatelodge.Problem) {
	switch own := g.namespace() == in.object.Namespace; {
	case g.leads == leadsToServices || g.leads == leadsByRecords:
		return refuse(&in.applicant, gatelodge.HostTaken, "the records of %s are those of the older %s, and don't lead to this gateway", hostName(g.name), g.leader.object)
	case own:
		g.leads, g.leader = leadsToGateway, cmp.Or(g.leader, &in.applicant)
		if g.gateways == nil {
			g.gateways = g.firstGateway[:0]
		}
		g.gateways = append(g.gateways, in)
	case unrouted:
		return refuse(&in.applicant, gatelodge.HostTaken, "the records of %s are those of the older %s", hostName(g.name), g.owner.object)
	}
	return nil
}

// publish adds what a Service or a DNSEndpoint asks for, which only the owner's
// may.
func (g *grant) publish(ask *publishAsk, a *applicant) (refusals []gatelodge.Problem) {
	if g.namespace() != a.object.Namespace {
		return []gatelodge.Problem{*refuse(a, gatelodge.HostTaken, "the records of %s are those of the older %s", hostName(g.name), g.owner.object)}
	}
	if ask.records == nil {
		if refusal := g.takeLead(leadsToServices, a); refusal != nil {
			return []gatelodge.Problem{*refusal}
		}
		g.services = append(g.services, ask)
		return nil
	}
	for i := range ask.records.list {
		if refusal := g.addEntry(recordEntry{set: &ask.records.list[i], of: ask.records, by: a}); refusal != nil {
			refusals = append(refusals, *refusal)
		}
	}
	return refusals
}

// takeLead lets objects of one kind say together where the name leads.
func (g *grant) takeLead(kind leadKind, a *applicant) (refusal *gatelodge.Problem) {
	switch g.leads {
	case leadsNowhere:
		g.leads, g.leader = kind, a
	case kind:
	default:
		return refuse(a, gatelodge.HostTaken, "the records of %s are those of the older %s", hostName(g.name), g.leader.object)
	}
	return nil
}

// isPublished tells whether somebody asks for records of the name.
func (g *grant) isPublished() bool { return g.leads != leadsNowhere || g.records != nil }

// target is where the name leads other than to the gateway, and for how long.
// Both are zero where nobody says so.
func (g *grant) target() (to *target, ttl time.Duration) {
	switch g.leads {
	case leadsToGateway:
		return g.gatewayTarget()
	case leadsToServices:
		return g.servicesTarget()
	}
	return nil, 0
}

// gatewayTarget is what the oldest Ingress says that says anything.
func (g *grant) gatewayTarget() (to *target, ttl time.Duration) {
	for _, in := range g.gateways {
		to = cmp.Or(to, in.asked.records.target)
		ttl = cmp.Or(ttl, in.asked.records.ttl)
	}
	return to, ttl
}

// servicesTarget is the addresses of all Services, or what the oldest says that
// leads elsewhere.
func (g *grant) servicesTarget() (to *target, ttl time.Duration) {
	for i := len(g.services) - 1; i >= 0; i-- {
		ask := g.services[i]
		if ask.ttl != 0 {
			ttl = ask.ttl
		}
		if to == nil || ask.target.alias != "" || to.alias != "" && len(ask.target.addresses) > 0 {
			to = ask.target
		} else if len(ask.target.addresses) > 0 {
			to = &target{addresses: sortedAddresses(slices.Concat(ask.target.addresses, to.addresses))}
		}
	}
	return to, ttl
}
