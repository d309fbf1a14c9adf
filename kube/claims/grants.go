package claims

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// Grants contains the owners of all names. Like the result of every step of Build it is
// immutable, and unchanged parts are the same pointers.
type Grants struct {
	Claimed    *claimedNames
	Limits     *NameLimits
	Cfg        *objects.Config
	incumbents Incumbents
	Reserved   map[gatelodge.Name]Reservation // for cfg

	Rulings   gatelodge.Map[gatelodge.Name, *Ruling]      // of every name that is claimed
	Names     gatelodge.Map[gatelodge.Name, *Grant]       // grants of names with an owner
	contested gatelodge.Map[gatelodge.Name, contest]      // ruling.contested, where it is set
	Wrong     gatelodge.Map[gatelodge.Name, *follow.Told] // problems of claims that are not granted
}

// Grant is a name with the objects that may add routes and records to it.
type Grant struct {
	Name  gatelodge.Name
	Owner *intent.Applicant
	// Contact is the contact of the oldest object of the owner's namespace that has
	// one.
	Contact string
	Shares  []share // those of the owner's namespace first; of each namespace the oldest first
	lead

	room    map[string]room    // by type, that Entries take
	Entries []recordEntry      // of DNSEndpoints, the oldest first …
	kept    []recordEntry      // … those of them that count …
	Records *intent.RecordSets // … together; nil for none
}

// GrantNames decides about the names with changes: in their claims, in their previous
// owners, or in a superior.
func GrantNames(all Claimants, limits *NameLimits, cfg *objects.Config, incumbents Incumbents, last *Grants) *Grants {
	if last == nil {
		last = &Grants{}
	} else if last.Claimed.claimants == all && last.Limits == limits && last.Cfg == cfg && last.incumbents == incumbents {
		return last
	}
	g := &Grants{Limits: limits, Cfg: cfg, incumbents: incumbents, Reserved: last.Reserved}
	if last.Cfg != cfg {
		g.Reserved = ReservedNames(cfg)
	}
	changed := make(map[gatelodge.Name]bool)
	var claimed []gatelodge.Name
	g.Claimed, claimed = claimNames(all, cfg, last.Claimed)
	if last.Limits != limits || last.Cfg != cfg {
		for name := range g.Claimed.Names.All() {
			changed[name] = true
		}
		for name := range last.Rulings.All() {
			changed[name] = true
		}
	} else {
		changed = incumbents.changed(&last.incumbents, g.Claimed.Names)
		for _, name := range claimed {
			changed[name] = true
		}
	}
	rule := &Claims{
		sharing: cfg.HostSharing, Limits: limits, Reserved: g.Reserved,
		incumbents: incumbents, claimed: g.Claimed, rulings: last.Rulings.Edit(),
	}
	d := &decider{Claims: rule, changed: changed, names: last.Names.Edit(), contested: last.contested.Edit(), wrong: last.Wrong.Edit()}
	d.decideAll()
	if last.Cfg != cfg { // grants depend on it, not only rulings
		d.decided = changed
	}
	d.grantAll()
	g.Rulings, g.Names, g.contested, g.Wrong = d.rulings.Map(), d.names.Map(), d.contested.Map(), d.wrong.Map()
	return g
}

// decider decides about the names that changed.
type decider struct {
	*Claims
	changed   map[gatelodge.Name]bool // names to decide …
	decided   map[gatelodge.Name]bool // … and names with a different decision than before
	names     *gatelodge.MapEdit[gatelodge.Name, *Grant]
	contested *gatelodge.MapEdit[gatelodge.Name, contest]
	wrong     *gatelodge.MapEdit[gatelodge.Name, *follow.Told]
}

// decideAll decides first about wildcards, then about the names that they match, and
// then about _label.NAME, because each is superior to the following.
func (d *decider) decideAll() {
	d.decided = make(map[gatelodge.Name]bool)
	var plain, labelled []gatelodge.Name
	for name := range d.changed {
		if _, underscored := BelowUnderscore(name); underscored {
			labelled = append(labelled, name)
		} else if !name.IsWildcard() {
			plain = append(plain, name)
		} else if parent := name.Parent(); d.decideOne(name) && parent != "" {
			plain = slices.AppendSeq(plain, plainChildren(d.claimed.Names, parent))
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

// decideOne decides about a name, and reports whether the names below it have to be
// decided as well.
func (d *decider) decideOne(name gatelodge.Name) (ruled bool) {
	before := d.rulings.Get(name)
	var after *Ruling
	if list := d.claimed.Names.Get(name); list != nil {
		after = d.decide(name, list.List)
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

// plainChildren yields the names that a wildcard below parent matches.
func plainChildren(claimed gatelodge.Map[gatelodge.Name, *claimed], parent gatelodge.Name) func(func(gatelodge.Name) bool) {
	return func(yield func(gatelodge.Name) bool) {
		for name := range follow.Children(claimed, parent) {
			if _, underscored := BelowUnderscore(name); !underscored && !name.IsWildcard() && !yield(name) {
				return
			}
		}
	}
}

// labelledBelow yields the names with underscores at and below a name.
func (d *decider) labelledBelow(top gatelodge.Name) func(func(gatelodge.Name) bool) {
	return func(yield func(gatelodge.Name) bool) {
		for name := range d.claimed.labelled.From(top) {
			if !name.Within(top) || !yield(name) {
				return
			}
		}
	}
}

// grantAll makes the grants for the rulings. That of a wildcard also depends on the
// owner of the name below which it is.
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
	granted, problems := makeGrant(name, r, d.Claims)
	if before := d.names.Get(name); granted != nil && before != nil && before.equal(granted) {
		granted = before
	}
	d.names.Set(name, granted)
	problems = slices.Compact(append(slices.Clip(r.problems), problems...)) // often the same for many records
	switch before := d.wrong.Get(name); {
	case len(problems) == 0:
		d.wrong.Set(name, nil)
	case before == nil || !slices.Equal(before.Problems, problems):
		d.wrong.Set(name, &follow.Told{Problems: problems})
	}
}

// makeGrant combines the claims that a ruling grants; nil if it grants none.
func makeGrant(name gatelodge.Name, r *Ruling, rule *Claims) (g *Grant, problems []gatelodge.Problem) {
	if r.owner == nil {
		return nil, nil
	}
	g = &Grant{Name: name, Owner: r.owner}
	for _, s := range r.granted {
		if s.Namespace() == g.Namespace() {
			g.Contact = cmp.Or(g.Contact, s.By.Contact)
		}
		problems = append(problems, g.add(s)...)
	}
	problems = append(problems, g.leftOut()...)
	if refusal := g.dropAlias(rule); refusal != nil {
		problems = append(problems, *refusal)
	}
	if len(g.Entries) > 0 {
		problems = append(problems, g.settle(rule)...)
	}
	return g, problems
}

// add adds one claim.
func (g *Grant) add(s share) (refusals []gatelodge.Problem) {
	if s.Claim.Target != nil || s.Claim.Records != nil {
		return g.publish(s.Claim, &s.By.Applicant)
	}
	if s.Claim.Routed() {
		g.Shares = append(g.Shares, s)
	}
	if s.Claim.Unpublished {
		return nil
	}
	if refusal := g.leadToGateway(s.By, s.Claim.Unrouted); refusal != nil {
		return []gatelodge.Problem{*refusal}
	}
	return nil
}

// equal reports whether two grants have the same content.
func (g *Grant) equal(other *Grant) bool {
	return g.Name == other.Name && g.Owner == other.Owner && g.Contact == other.Contact && slices.Equal(g.Shares, other.Shares) &&
		g.Leads == other.Leads && g.Leader == other.Leader && slices.Equal(g.gateways, other.gateways) && slices.Equal(g.services, other.services) &&
		slices.EqualFunc(g.kept, other.kept, func(a, b recordEntry) bool { return slices.Equal(a.By.Views, b.By.Views) }) &&
		(g.Records == other.Records || g.Records != nil && other.Records != nil && reflect.DeepEqual(g.Records, other.Records))
}

// Namespace returns the owner's namespace, and "" for a name that only the
// configuration uses.
func (g *Grant) Namespace() string {
	if g.Owner == nil {
		return ""
	}
	return g.Owner.Object.Namespace
}
