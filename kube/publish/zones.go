package publish

import (
	"maps"
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/claims"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/objects"
)

// Views is every view with its zones. They follow what they are made of: a name
// that changed costs its own node, and a look at the names above it.
type Views struct {
	grants    *claims.Grants
	announced *Announced
	https     *httpsRecords
	answers   *Challenges
	accounts  *Accounts
	issuances issuances
	cfg       *objects.Config

	plans      plans
	proofs     map[gatelodge.Name][]gatelodge.Record // of DNS-01 challenges
	persistent []string                              // what records of dns-persist-01 say
	tenants    tenants
	verdicts   gatelodge.Map[gatelodge.Name, *verdict]
	states     []*viewState // in the configuration's order
	List       []*gatelodge.View
}

func MakeViews(g *claims.Grants, a *Announced, https *httpsRecords, answers *Challenges, accounts *Accounts, certificates issuances, cfg *objects.Config, last *Views) *Views {
	if last != nil && last.grants == g && last.announced == a && last.https == https && last.answers == answers && last.accounts == accounts && last.issuances == certificates && last.cfg == cfg {
		return last
	}
	if last == nil {
		last = &Views{grants: &claims.Grants{}, https: &httpsRecords{}, answers: &Challenges{}}
	}
	v := &Views{grants: g, announced: a, https: https, answers: answers, accounts: accounts, issuances: certificates, persistent: accounts.persistent(cfg), cfg: cfg}
	v.plans = last.plans
	if last.cfg != cfg || last.announced != a || last.accounts != accounts {
		v.plans = planZones(cfg, a, accounts, last.plans)
	}
	v.proofs = last.proofs
	if last.answers != answers {
		v.proofs = proofRecords(answers)
	}
	v.tenants = v.countTenants(last)
	changed := v.changes(last)
	v.verdicts = v.judge(changed, last.verdicts)
	byZone := v.plans.split(changed)

	for i := range cfg.Views {
		state := v.makeView(&cfg.Views[i], byZone, last.cfg != cfg, last.state(cfg.Views[i].Name))
		v.states = append(v.states, state)
		v.List = append(v.List, state.view)
	}
	if slices.Equal(v.List, last.List) {
		v.List = last.List
	}
	return v
}

// state returns the view of this name, and an empty one if there is none.
func (v *Views) state(name string) *viewState {
	for _, state := range v.states {
		if state.view.Name == name {
			return state
		}
	}
	return &viewState{view: &gatelodge.View{Name: name}}
}

// FollowProblems replaces the problems of records.
func (v *Views) FollowProblems(e follow.ProblemEdit, last *Views) {
	if last == nil {
		last = &Views{}
	}
	follow.ReplaceAll(e, v.verdicts, last.verdicts, (*verdict).wrong)
	for _, state := range v.states {
		follow.ReplaceAll(e, state.aliases.lost, last.state(state.view.Name).aliases.lost, (*follow.Told).Wrong)
	}
	for _, gone := range last.states {
		if !slices.ContainsFunc(v.states, func(s *viewState) bool { return s.view.Name == gone.view.Name }) {
			follow.ReplaceAll(e, gatelodge.Map[gatelodge.Name, *follow.Told]{}, gone.aliases.lost, (*follow.Told).Wrong)
		}
	}
}

// changes returns the names whose records may not be what they were.
func (v *Views) changes(last *Views) follow.Dirty[gatelodge.Name] {
	c := &zoneChanges{Views: v, last: last, names: make(follow.Dirty[gatelodge.Name])}
	if v.cfg != last.cfg || v.announced != last.announced || !maps.Equal(v.https.data, last.https.data) {
		c.addAll()
		return c.names
	}
	for name, change := range v.grants.Names.Changes(last.grants.Names) {
		c.addGrant(name, change.Before, change.After)
	}
	for at, change := range v.tenants.below.Changes(last.tenants.below) {
		if change.Before == 0 || change.After == 0 {
			c.names[at.name] = true
			c.addProofs(at.name)
		}
	}
	for name := range v.https.names.Changes(last.https.names) {
		granted := v.grants.Names.Get(name)
		c.addGrant(name, granted, granted)
	}
	c.addPersistent()
	for name, plans := range v.plans {
		if !slices.Equal(plans, last.plans[name]) { // in its CAA records alone
			c.names[name] = true
		}
	}
	if v.answers != last.answers {
		for _, proofs := range []map[gatelodge.Name][]gatelodge.Record{v.proofs, last.proofs} {
			for name := range proofs {
				c.names[name] = true
			}
		}
	}
	return c.names
}

// zoneChanges collects names whose records are to be made anew.
type zoneChanges struct {
	*Views
	last  *Views
	names follow.Dirty[gatelodge.Name]
}

// addAll adds every name that has records, or had some.
func (c *zoneChanges) addAll() {
	for _, grants := range []*claims.Grants{c.last.grants, c.grants} {
		for name := range grants.Names.All() {
			c.addName(name)
		}
	}
	for _, plans := range []plans{c.last.plans, c.plans} {
		for _, views := range plans {
			for _, plan := range views {
				for name := range plan.records {
					c.addName(name)
				}
			}
		}
	}
	for _, proofs := range []map[gatelodge.Name][]gatelodge.Record{c.last.proofs, c.proofs} {
		for name := range proofs {
			c.addName(name)
		}
	}
	for _, certificates := range []issuances{c.last.issuances, c.issuances} {
		for key := range certificates.All() {
			c.addPersistentOf(key.Name)
		}
	}
}

// addName adds a name, and all that follow from it.
func (c *zoneChanges) addName(name gatelodge.Name) {
	c.names[name] = true
	c.names[ownerName(name)] = true
	c.addProofs(name)
	for above := range c.plans.above(name) {
		if c.names[above] {
			return
		}
		c.names[above] = true
		c.addProofs(above)
	}
}

// addGrant adds a name that is granted in another way, and those whose records
// depend on that: those that tell of it, and if it is a wildcard those below.
func (c *zoneChanges) addGrant(name gatelodge.Name, before, after *claims.Grant) {
	c.names[name] = true
	c.names[ownerName(name)] = true
	if before == nil || after == nil || before.Namespace() != after.Namespace() {
		c.addProofs(name)
	}
	if name.IsWildcard() && (before.IsPartial() || after.IsPartial() || c.last.reachOf(before) != c.reachOf(after)) {
		c.addBelow(name.Parent())
	}
}

// addProofs adds the names at which control of a name is proved, where a wildcard
// answers for them or an object asks for records there.
func (c *zoneChanges) addProofs(name gatelodge.Name) {
	wildcard := "*." + name
	below := c.grants.Names.Get(wildcard) != nil || c.last.grants.Names.Get(wildcard) != nil
	for i, label := range claims.ProofLabels() {
		if proof := gatelodge.Name(label) + "." + name; below || i == 0 && c.grants.Names.Get(proof) != nil {
			c.names[proof] = true
		}
	}
}

// addBelow adds the names that a wildcard at the parent may have a part in.
func (c *zoneChanges) addBelow(parent gatelodge.Name) {
	add := func(name gatelodge.Name) {
		for ; name != parent && !c.names[name]; name = name.Parent() {
			c.names[name] = true
		}
	}
	for name := range c.grants.Names.From(parent) {
		if !name.Within(parent) {
			break
		}
		add(name)
	}
	for name := range c.proofs {
		if name.Within(parent) {
			add(name)
		}
	}
	for _, views := range c.plans {
		for _, plan := range views {
			for name := range plan.records {
				if name.Within(parent) {
					add(name)
				}
			}
		}
	}
	c.addProofs(parent)
}

// split gives each name to the zone that holds it. Names outside all zones are
// published elsewhere.
func (p plans) split(names follow.Dirty[gatelodge.Name]) map[gatelodge.Name][]gatelodge.Name {
	byZone := make(map[gatelodge.Name][]gatelodge.Name, len(p))
	for name := range names {
		if zone, ok := p.of(name); ok {
			byZone[zone] = append(byZone[zone], name)
		}
	}
	for _, names := range byZone {
		slices.SortFunc(names, gatelodge.Name.Compare) // cheaper to put into a Map
	}
	return byZone
}

// of returns the zone that holds the name, the longest whose suffix it has, and
// false if it is in none.
func (p plans) of(name gatelodge.Name) (zone gatelodge.Name, ok bool) {
	if len(p) == 0 {
		return "", false
	}
	for ; name != ""; name = name.Parent() {
		if p[name] != nil {
			return name, true
		}
	}
	return "", false
}

// above goes through the names above a name that are in zones of ours, the
// nearest first.
func (p plans) above(name gatelodge.Name) func(yield func(gatelodge.Name) bool) {
	return func(yield func(gatelodge.Name) bool) {
		if name == "" {
			return
		}
		for above := name.Parent(); above != ""; above = above.Parent() {
			if _, ok := p.of(above); !ok || !yield(above) {
				return
			}
		}
	}
}
