package kube

import (
	"strings"

	gatelodge "gatelodge.dev"
)

// grants is who got which name, by the claims of all Ingresses. Like the result
// of every step of Build it is made whole and never written again, so that the
// next step can tell by the pointer whether it has anything to do.
type grants struct {
	selection *selection
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
}

// share is what one Ingress adds to a name.
type share struct {
	ingress *ingress
	index   int // of the ingress, the oldest first
	ask     *hostAsk
}

// grantNames hears the Ingresses, the oldest first. Names that start with an
// underscore are heard last, because they belong to whoever has the name below
// the underscore, however young.
func grantNames(selected *selection, limits *nameLimits, cfg *Config, last *grants) *grants {
	if last != nil && last.selection == selected && last.limits == limits && last.cfg == cfg {
		return last
	}
	size := len(selected.ours)
	g := &grants{selection: selected, limits: limits, cfg: cfg, byName: make(map[gatelodge.Name]*grant, size)}
	rule := newClaims(cfg, limits, size)
	for _, in := range selected.ours {
		rule.letIn(in)
	}
	hear := func(underscored bool) (more bool) {
		for i, in := range selected.ours {
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
			}
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

func (g *grants) share(s share) {
	granted := g.byName[s.ask.name]
	if granted == nil {
		granted = &grant{name: s.ask.name, owner: &s.ingress.applicant}
		g.byName[s.ask.name] = granted
	}
	granted.shares = append(granted.shares, s)
}
