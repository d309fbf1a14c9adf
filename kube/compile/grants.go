package compile

import (
	"maps"
	"reflect"
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// grants is who has which name, by the claims of all objects. Like the result of
// every step of Build it is made whole and never written again, and what did not
// change is the same pointer.
type grants struct {
	claimed    *claimedNames
	limits     *nameLimits
	cfg        *objects.Config
	incumbents Incumbents
	reserved   map[gatelodge.Name]string // what each is; for cfg

	rulings   gatelodge.Map[gatelodge.Name, *ruling] // of every name that is claimed
	names     gatelodge.Map[gatelodge.Name, *grant]  // of those that have an owner
	contested gatelodge.Map[gatelodge.Name, contest] // ruling.contested, where it is set
	wrong     gatelodge.Map[gatelodge.Name, *told]   // what is not granted
}

// grant is a name with those who may add routes and records to it.
type grant struct {
	name   gatelodge.Name
	owner  *intent.Applicant
	shares []share // the owner's namespace's first, of each the oldest first
	lead

	entries []recordEntry      // of DNSEndpoints, the oldest first …
	records *intent.RecordSets // … together; nil for none
}

// grantNames decides anew about the names of which something changed: the claims
// to them, who had them before, or who has a say over them.
func grantNames(all Claimants, limits *nameLimits, cfg *objects.Config, incumbents Incumbents, last *grants) *grants {
	if last == nil {
		last = &grants{}
	} else if last.claimed.claimants == all && last.limits == limits && last.cfg == cfg && last.incumbents == incumbents {
		return last
	}
	g := &grants{limits: limits, cfg: cfg, incumbents: incumbents, reserved: last.reserved}
	if last.cfg != cfg {
		g.reserved = reservedNames(cfg)
	}
	changed := make(map[gatelodge.Name]bool)
	var claimed []gatelodge.Name
	g.claimed, claimed = claimNames(all, cfg, last.claimed)
	if last.limits != limits || last.cfg != cfg {
		for name := range g.claimed.names.All() {
			changed[name] = true
		}
		for name := range last.rulings.All() {
			changed[name] = true
		}
	} else {
		changed = incumbents.changed(&last.incumbents, g.claimed.names)
		for _, name := range claimed {
			changed[name] = true
		}
	}
	rule := &claims{
		sharing: cfg.HostSharing, limits: limits, reserved: g.reserved,
		incumbents: incumbents, claimed: g.claimed, rulings: last.rulings.Edit(),
	}
	d := &decider{claims: rule, changed: changed, names: last.names.Edit(), contested: last.contested.Edit(), wrong: last.wrong.Edit()}
	d.decideAll()
	if last.cfg != cfg { // on which grants depend, not rulings alone
		d.decided = changed
	}
	d.grantAll()
	g.rulings, g.names, g.contested, g.wrong = d.rulings.Map(), d.names.Map(), d.contested.Map(), d.wrong.Map()
	return g
}

// decider decides about the names that changed.
type decider struct {
	*claims
	changed   map[gatelodge.Name]bool // what is to be decided …
	decided   map[gatelodge.Name]bool // … and what was decided otherwise than before
	names     *gatelodge.MapEdit[gatelodge.Name, *grant]
	contested *gatelodge.MapEdit[gatelodge.Name, contest]
	wrong     *gatelodge.MapEdit[gatelodge.Name, *told]
}

// decideAll decides about wildcards first, then about the names that they match,
// and then about _label.NAME, because each has a say over what follows.
func (d *decider) decideAll() {
	d.decided = make(map[gatelodge.Name]bool)
	var plain, labelled []gatelodge.Name
	for name := range d.changed {
		if _, underscored := belowUnderscore(name); underscored {
			labelled = append(labelled, name)
		} else if !name.IsWildcard() {
			plain = append(plain, name)
		} else if parent := name.Parent(); d.decideOne(name) && parent != "" {
			plain = slices.AppendSeq(plain, plainChildren(d.claimed.names, parent))
			labelled = slices.AppendSeq(labelled, d.labelledBelow(parent))
		}
	}
	for _, name := range plain {
		if d.decideOne(name) && name != "" {
			labelled = slices.AppendSeq(labelled, d.labelledBelow(name))
		}
	}
	for _, name := range labelled {
		d.decideOne(name)
	}
}

// decideOne decides about a name, and reports whether names over which that one
// has a say are to be decided as well.
func (d *decider) decideOne(name gatelodge.Name) (ruled bool) {
	before := d.rulings.Get(name)
	var after *ruling
	if list := d.claimed.names.Get(name); list != nil {
		after = d.decide(name, list.list)
	}
	if before == after || before != nil && after != nil && before.equal(after) {
		return false
	}
	d.rulings.Set(name, after)
	contested := contest{}
	if after != nil {
		contested = after.contested
	}
	d.contested.Set(name, contested)
	d.decided[name] = true
	return !before.rulesLike(after)
}

// plainChildren goes through the names that a wildcard below parent matches.
func plainChildren(claimed gatelodge.Map[gatelodge.Name, *claimed], parent gatelodge.Name) func(func(gatelodge.Name) bool) {
	return func(yield func(gatelodge.Name) bool) {
		for name := range children(claimed, parent) {
			if _, underscored := belowUnderscore(name); !underscored && !name.IsWildcard() && !yield(name) {
				return
			}
		}
	}
}

// labelledBelow goes through the names with underscores at and below a name.
func (d *decider) labelledBelow(top gatelodge.Name) func(func(gatelodge.Name) bool) {
	return func(yield func(gatelodge.Name) bool) {
		for name := range d.claimed.labelled.From(top) {
			if !name.Within(top) || !yield(name) {
				return
			}
		}
	}
}

// grantAll makes the grants that follow from what was decided. That of a
// wildcard depends on who has the name below which it stands as well.
func (d *decider) grantAll() {
	names := slices.Collect(maps.Keys(d.decided))
	for _, name := range names {
		if wildcard := "*." + name; name != "" && d.rulings.Get(wildcard) != nil {
			d.decided[wildcard] = true
		}
	}
	for name := range d.decided {
		d.grantOne(name)
	}
}

func (d *decider) grantOne(name gatelodge.Name) {
	r := d.rulings.Get(name)
	if r == nil {
		d.names.Set(name, nil)
		d.wrong.Set(name, nil)
		return
	}
	granted, problems := makeGrant(name, r, d.claims)
	if before := d.names.Get(name); granted != nil && before != nil && before.equal(granted) {
		granted = before
	}
	d.names.Set(name, granted)
	problems = append(slices.Clip(r.problems), problems...)
	switch before := d.wrong.Get(name); {
	case len(problems) == 0:
		d.wrong.Set(name, nil)
	case before == nil || !slices.Equal(before.problems, problems):
		d.wrong.Set(name, &told{problems})
	}
}

// makeGrant puts together what the claims ask for that a ruling grants; nil if it
// grants none.
func makeGrant(name gatelodge.Name, r *ruling, rule *claims) (g *grant, problems []gatelodge.Problem) {
	if r.owner == nil {
		return nil, nil
	}
	g = &grant{name: name, owner: r.owner}
	for _, s := range r.granted {
		problems = append(problems, g.add(s)...)
	}
	problems = append(problems, g.leftOut()...)
	if name.IsWildcard() {
		if refusal := g.dropAlias(rule); refusal != nil {
			problems = append(problems, *refusal)
		}
	}
	if len(g.entries) > 0 {
		problems = append(problems, g.settle(rule)...)
	}
	return g, problems
}

// add adds what one claim asks for.
func (g *grant) add(s share) (refusals []gatelodge.Problem) {
	if s.claim.Target != nil || s.claim.Records != nil {
		return g.publish(s.claim, &s.by.Applicant)
	}
	if s.claim.Routed() {
		g.shares = append(g.shares, s)
	}
	if s.claim.Unpublished {
		return nil
	}
	if refusal := g.leadToGateway(s.by, s.claim.Unrouted); refusal != nil {
		return []gatelodge.Problem{*refusal}
	}
	return nil
}

// equal reports whether two grants have the same content.
func (g *grant) equal(other *grant) bool {
	return g.name == other.name && g.owner == other.owner && slices.Equal(g.shares, other.shares) &&
		g.leads == other.leads && g.leader == other.leader && slices.Equal(g.gateways, other.gateways) && slices.Equal(g.services, other.services) &&
		(g.records == other.records || g.records != nil && other.records != nil && reflect.DeepEqual(g.records, other.records))
}
