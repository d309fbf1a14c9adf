package compile

import (
	"reflect"
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// grants is who got which name, by the claims of all objects. Like the result of
// every step of Build it is made whole and never written again, so that the next
// step can tell by the pointer whether it has anything to do.
type grants struct {
	selection *intent.Selection
	published []*intent.Publication
	limits    *nameLimits
	cfg       *objects.Config

	room      []grant // for those to come
	byName    map[gatelodge.Name]*grant
	names     gatelodge.Map[gatelodge.Name, *grant] // byName; a grant with the same content is the one of the build before
	list      []*grant                              // sorted by name
	recorded  []*grant                              // those with records of DNSEndpoints
	wildcards []*grant
	problems  []gatelodge.Problem
}

// grant is a name with those who may add routes and records to it.
type grant struct {
	name   gatelodge.Name
	owner  *intent.Applicant
	shares []share // the oldest first
	lead

	placed bool // it has its place in grants.list

	// Room for what most names have one of.
	firstShare   [1]share
	firstGateway [1]*intent.Ingress

	entries []recordEntry      // of DNSEndpoints, the oldest first …
	records *intent.RecordSets // … together; nil for none
}

// share is what one Ingress adds to a name.
type share struct {
	ingress *intent.Ingress
	ask     *intent.HostAsk
}

// grantNames hears all who claim names, the oldest first. Names with a label
// that starts with an underscore are heard last, because they belong to whoever
// has the name below it, however young.
func grantNames(selected *intent.Selection, published []*intent.Publication, limits *nameLimits, cfg *objects.Config, last *grants) *grants {
	if last != nil && last.selection == selected && objects.SameSlice(last.published, published) && last.limits == limits && last.cfg == cfg {
		return last
	}
	size := len(selected.Ours)
	g := &grants{selection: selected, published: published, limits: limits, cfg: cfg, byName: make(map[gatelodge.Name]*grant, size)}
	rule := newClaims(cfg, limits, size)
	for _, in := range selected.Ours {
		rule.letIn(in)
	}
	hear := func(underscored bool) (more bool) {
		young := published
		for _, in := range selected.Ours {
			for len(young) > 0 && young[0].Compare(&in.Applicant) < 0 {
				more = g.hearPublication(young[0], rule, underscored) || more
				young = young[1:]
			}
			for j := range in.Asks {
				ask := &in.Asks[j]
				if _, is := belowUnderscore(ask.Name); is != underscored {
					more = true
					continue
				}
				if ask.Unrouted && !cfg.HasZoneOf(ask.Name) {
					continue // somebody else's to publish
				}
				refusal := rule.grant(ask.Name, &in.Applicant)
				if refusal == nil {
					refusal = g.of(ask.Name, &in.Applicant).share(share{ingress: in, ask: ask})
				}
				if refusal != nil {
					g.problems = append(g.problems, *refusal)
				}
			}
		}
		for _, p := range young {
			more = g.hearPublication(p, rule, underscored) || more
		}
		return more
	}
	if hear(false) {
		hear(true)
	}
	for _, granted := range g.wildcards {
		if refusal := granted.dropAlias(rule); refusal != nil {
			g.problems = append(g.problems, *refusal)
		}
	}
	for _, granted := range g.recorded {
		g.problems = append(g.problems, granted.settle(rule)...)
	}
	var before []*grant
	if last != nil {
		before = last.list
		g.keep(last)
	} else {
		g.collectNames(gatelodge.Map[gatelodge.Name, *grant]{})
	}
	g.order(before)
	return g
}

// keep takes the grants of the build before that have the same content.
func (g *grants) keep(last *grants) {
	for name, granted := range g.byName {
		if old := last.byName[name]; old != nil && old.equal(granted) {
			old.placed = false
			g.byName[name] = old
		}
	}
	g.collectNames(last.names)
}

func (g *grants) collectNames(before gatelodge.Map[gatelodge.Name, *grant]) {
	names := before.Edit()
	for name := range before.All() {
		if g.byName[name] == nil {
			names.Set(name, nil)
		}
	}
	for name, granted := range g.byName {
		names.Set(name, granted)
	}
	g.names = names.Map()
}

// equal reports whether two grants have the same content.
func (g *grant) equal(other *grant) bool {
	return g.name == other.name && g.owner == other.owner && slices.Equal(g.shares, other.shares) &&
		g.leads == other.leads && g.leader == other.leader && slices.Equal(g.gateways, other.gateways) && slices.Equal(g.services, other.services) &&
		(g.records == other.records || g.records != nil && other.records != nil && reflect.DeepEqual(g.records, other.records))
}

// order sorts the grants. To compare names label by label is dear, so those
// that were there before keep their places and only new ones are sorted in.
func (g *grants) order(before []*grant) {
	g.list = make([]*grant, 0, len(g.byName))
	for _, old := range before {
		if granted := g.byName[old.name]; granted != nil {
			granted.placed = true
			g.list = append(g.list, granted)
		}
	}
	if len(g.list) == len(g.byName) {
		return
	}
	var fresh []*grant
	for _, granted := range g.byName {
		if !granted.placed {
			fresh = append(fresh, granted)
		}
	}
	byName := func(a, b *grant) int { return a.name.Compare(b.name) }
	slices.SortFunc(fresh, byName)
	g.list = objects.InsertSorted(g.list, fresh, byName)
}

// share adds what an Ingress asks for.
func (g *grant) share(s share) (refusal *gatelodge.Problem) {
	if !s.ask.Unrouted {
		if g.shares == nil {
			g.shares = g.firstShare[:0]
		}
		g.shares = append(g.shares, s)
	}
	if s.ask.Unpublished {
		return nil
	}
	return g.leadToGateway(s.ingress, s.ask.Unrouted)
}

// hearPublication grants names to a Service or a DNSEndpoint.
func (g *grants) hearPublication(p *intent.Publication, rule *claims, underscored bool) (more bool) {
	for i := range p.Asks {
		ask := &p.Asks[i]
		if _, is := belowUnderscore(ask.Name); is != underscored {
			more = true
			continue
		}
		if refusal := rule.grant(ask.Name, &p.Applicant); refusal != nil {
			g.problems = append(g.problems, *refusal)
			continue
		}
		granted := g.of(ask.Name, &p.Applicant)
		recorded := len(granted.entries) > 0
		g.problems = append(g.problems, granted.publish(ask, &p.Applicant)...)
		if !recorded && len(granted.entries) > 0 {
			g.recorded = append(g.recorded, granted)
		}
	}
	return more
}

// roomForGrants is how many grants are made at a time. All of them are made anew
// when one name changes hands, so that one by one they would be the most of what
// a Build allocates.
const roomForGrants = 256

// of returns what is granted of the name, to a if nobody has it.
func (g *grants) of(name gatelodge.Name, a *intent.Applicant) *grant {
	granted := g.byName[name]
	if granted == nil {
		if len(g.room) == 0 {
			g.room = make([]grant, roomForGrants)
		}
		granted, g.room = &g.room[0], g.room[1:]
		granted.name, granted.owner = name, a
		g.byName[name] = granted
		if name.IsWildcard() {
			g.wildcards = append(g.wildcards, granted)
		}
	}
	return granted
}
