package kube

import (
	"strings"

	gatelodge "gatelodge.dev"
)

// grants is who got which name, by the claims of all Ingresses and Services. Like the result
// of every step of Build it is made whole and never written again, so that the
// next step can tell by the pointer whether it has anything to do.
type grants struct {
	selection *selection
	published []*publication
	limits    *nameLimits
	cfg       *Config

	byName   map[gatelodge.Name]*grant
	order    []gatelodge.Name
	problems []gatelodge.Problem
}

// grant is a name with those who may add routes to it.
type grant struct {
	name   gatelodge.Name
	owner  *applicant
	shares []share // the oldest first

	// publishes is where the name leads, if the oldest who asked for it is a
	// Service, the oldest first; empty: to the gateway.
	publishes []*publishAsk
}

// share is what one Ingress adds to a name.
type share struct {
	ingress *ingress
	index   int // of the ingress, the oldest first
	ask     *hostAsk
}

// grantNames hears Ingresses and Services, the oldest first. Names that start with an
// underscore are heard last, because they belong to whoever has the name below
// the underscore, however young.
func grantNames(selected *selection, published []*publication, limits *nameLimits, cfg *Config, last *grants) *grants {
	if last != nil && last.selection == selected && sameSlice(last.published, published) && last.limits == limits && last.cfg == cfg {
		return last
	}
	size := len(selected.ours)
	g := &grants{selection: selected, published: published, limits: limits, cfg: cfg, byName: make(map[gatelodge.Name]*grant, size)}
	rule := newClaims(cfg, limits, size)
	for _, in := range selected.ours {
		rule.letIn(in)
	}
	hear := func(underscored bool) (more bool) {
		young := published
		for i, in := range selected.ours {
			for len(young) > 0 && young[0].compare(&in.applicant) < 0 {
				more = g.hearService(young[0], rule, underscored) || more
				young = young[1:]
			}
			for j := range in.asks {
				ask := &in.asks[j]
				if strings.HasPrefix(string(ask.name), "_") != underscored {
					more = true
					continue
				}
				if refusal := rule.grant(ask.name, &in.applicant); refusal != nil {
					g.problems = append(g.problems, *refusal)
					continue
				}
				g.share(share{ingress: in, index: i, ask: ask})
				if granted := g.byName[ask.name]; len(granted.publishes) > 0 {
					g.problems = append(g.problems, *refuse(&in.applicant, gatelodge.HostTaken,
						"the records of %s are those of the older %s, and don't lead to this gateway", hostName(ask.name), granted.owner.object))
				}
			}
		}
		for _, p := range young {
			more = g.hearService(p, rule, underscored) || more
		}
		return more
	}
	if hear(false) {
		hear(true)
	}
	var order []gatelodge.Name
	if last != nil {
		order = last.order
	}
	g.order = orderNames(g.byName, order)
	return g
}

// hearService grants names to a Service. A name is published once: of an older
// Ingress it leads to the gateway, whosever the Service is, and who was let in
// to add paths may not move it.
func (g *grants) hearService(p *publication, rule *claims, underscored bool) (more bool) {
	for i := range p.asks {
		ask := &p.asks[i]
		if strings.HasPrefix(string(ask.name), "_") != underscored {
			more = true
			continue
		}
		refusal := rule.grant(ask.name, &p.applicant)
		granted := g.byName[ask.name]
		switch {
		case refusal != nil:
		case granted == nil:
			g.byName[ask.name] = &grant{name: ask.name, owner: &p.applicant, publishes: []*publishAsk{ask}}
		case len(granted.publishes) == 0 || granted.namespace() != p.object.Namespace:
			refusal = refuse(&p.applicant, gatelodge.HostTaken, "the records of %s are those of the older %s", hostName(ask.name), granted.owner.object)
		default:
			granted.publishes = append(granted.publishes, ask)
		}
		if refusal != nil {
			g.problems = append(g.problems, *refusal)
		}
	}
	return more
}

func (g *grants) share(s share) {
	granted := g.byName[s.ask.name]
	if granted == nil {
		granted = &grant{name: s.ask.name, owner: &s.ingress.applicant}
		g.byName[s.ask.name] = granted
	}
	granted.shares = append(granted.shares, s)
}
