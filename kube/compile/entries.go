package compile

import (
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
)

// recordEntry is records that a DNSEndpoint adds to a name.
type recordEntry struct {
	set *intent.RecordSet
	of  *intent.RecordSets
	by  *intent.Applicant
}

// addEntry adds records to those that the name has, and says so if they can't
// stand beside them.
func (g *grant) addEntry(e recordEntry) (refusal *gatelodge.Problem) {
	alias := e.set.Rtype == "CNAME"
	for _, other := range g.entries {
		if (alias || other.set.Rtype == "CNAME") && (alias != (other.set.Rtype == "CNAME") || !slices.Equal(e.set.Data, other.set.Data)) {
			return intent.Refuse(e.by, gatelodge.BadRecord, "%s %s is left out: beside a CNAME no other record may stand, and %s gives %s",
				g.name, e.set.Rtype, other.by.Object, other.set.Rtype) // RFC 1034 §3.6.2
		}
	}
	if alias && len(e.set.Data) > 1 {
		return intent.Refuse(e.by, gatelodge.BadRecord, "%s CNAME is left out: it has %d targets, expected one", g.name, len(e.set.Data))
	}
	if count, size := g.room(e); count > intent.MaxRecords || size > intent.MaxRecordText {
		return intent.Refuse(e.by, gatelodge.BadRecord, "%s %s is left out: the name would have %d records of this type and %d octets, the most is %d and %d",
			g.name, e.set.Rtype, count, size, intent.MaxRecords, intent.MaxRecordText)
	}
	if alias || e.set.Rtype == "A" || e.set.Rtype == "AAAA" {
		if refusal := g.takeLead(leadsByRecords, e.by); refusal != nil {
			return refusal
		}
	}
	g.entries = append(g.entries, e)
	return nil
}

// room is how much of the entry's type there would be with it.
func (g *grant) room(e recordEntry) (count, size int) {
	add := func(set *intent.RecordSet) {
		count += len(set.Data)
		for _, data := range set.Data {
			size += len(data)
		}
	}
	add(e.set)
	for _, other := range g.entries {
		if other.set.Rtype == e.set.Rtype {
			add(other.set)
		}
	}
	return count, size
}

// settle puts the entries together once every claim was heard, and refuses those
// that what came later leaves no place for.
func (g *grant) settle(rule *claims) (refusals []gatelodge.Problem) {
	if to, _ := g.target(); to != nil && to.Alias != "" {
		for _, e := range g.entries {
			refusals = append(refusals, *intent.Refuse(e.by, gatelodge.BadRecord, "%s %s is left out: %s makes the name an alias of %s, beside which no other record may stand",
				g.name, e.set.Rtype, g.leader.Object, to.Alias))
		}
		return refusals
	}
	kept := make([]recordEntry, 0, len(g.entries))
	for _, e := range g.entries {
		if why := rule.provesTooMuch(g, e.set.Rtype); why != "" {
			refusals = append(refusals, *intent.Refuse(e.by, gatelodge.NameReserved, "%s %s is left out: %s", g.name, e.set.Rtype, why))
			continue
		}
		kept = append(kept, e)
	}
	if len(kept) == 0 {
		return refusals
	}
	if whole := kept[0].of; len(kept) == len(whole.List) && !slices.ContainsFunc(kept, func(e recordEntry) bool { return e.of != whole }) {
		g.records = whole // the same pointer as in the build before
		return refusals
	}
	g.records = &intent.RecordSets{}
	for _, e := range kept {
		g.records.List = append(g.records.List, *e.set)
	}
	return refusals
}

// dropAlias has a wildcard lead nowhere rather than be an alias that would speak
// for the name that it stands below.
func (g *grant) dropAlias(rule *claims) (refusal *gatelodge.Problem) {
	to, _ := g.target()
	if to == nil || to.Alias == "" {
		return nil
	}
	why := rule.provesTooMuch(g, "CNAME")
	if why == "" {
		return nil
	}
	g.leads = leadsNowhere
	return intent.Refuse(g.leader, gatelodge.NameReserved, "%s CNAME is left out: %s", g.name, why)
}

// provesTooMuch says why records of a type may not be at a wildcard. A wildcard
// answers for every name below it that does not exist, _acme-challenge.NAME and
// _dmarc.NAME among them, where records other than addresses speak for NAME.
func (c *claims) provesTooMuch(g *grant, rtype string) string {
	if !g.name.IsWildcard() || rtype == "A" || rtype == "AAAA" {
		return ""
	}
	base := g.name.Parent()
	if why, ok := c.reserved[base]; ok {
		return "it would answer for names such as _dmarc." + string(base) + ", and " + string(base) + " " + why
	}
	if r := c.rulings.Get(base); r.namespace() != "" && r.namespace() != g.namespace() {
		return "it would answer for names such as _dmarc." + string(base) + ", and " + string(base) + " is granted to " + r.owner.Object.String()
	}
	return ""
}
