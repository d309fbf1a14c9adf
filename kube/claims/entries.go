package claims

import (
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
)

// recordEntry contains records that a DNSEndpoint adds to a name.
type recordEntry struct {
	set *intent.RecordSet
	of  *intent.RecordSets
	By  *intent.Applicant
}

// addEntry adds records to those of the name, or reports that they can't exist beside
// them.
func (g *Grant) addEntry(e recordEntry) (refusal *gatelodge.Problem) {
	alias := e.set.Rtype == "CNAME"
	if len(g.Entries) > 0 { // either all are CNAME records with the same target, or none is one
		other := g.Entries[0]
		if (alias || other.set.Rtype == "CNAME") && (alias != (other.set.Rtype == "CNAME") || !slices.Equal(e.set.Data, other.set.Data)) {
			return intent.Refuse(e.By, gatelodge.BadRecord, "%s %s is left out: no other record can exist beside a CNAME, and %s gives %s",
				g.Name, e.set.Rtype, other.By.Object, other.set.Rtype) // RFC 1034 §3.6.2
		}
	}
	if alias && len(e.set.Data) > 1 {
		return intent.Refuse(e.By, gatelodge.BadRecord, "%s CNAME is left out: it has %d targets, expected one", g.Name, len(e.set.Data))
	}
	now := g.room[e.set.Rtype].with(e.set)
	if now.count > intent.MaxRecords || now.size > intent.MaxRecordText {
		return intent.Refuse(e.By, gatelodge.BadRecord, "%s %s is left out: the name would have %d records of this type and %d octets, the most is %d and %d",
			g.Name, e.set.Rtype, now.count, now.size, intent.MaxRecords, intent.MaxRecordText)
	}
	if alias || e.set.Rtype == "A" || e.set.Rtype == "AAAA" {
		if refusal := g.takeLead(leadsByRecords, e.By); refusal != nil {
			return refusal
		}
	}
	if g.room == nil {
		g.room = make(map[string]room)
	}
	g.room[e.set.Rtype] = now
	g.Entries = append(g.Entries, e)
	return nil
}

// room is the room that the records of one type take at a name.
type room struct{ count, size int }

func (r room) with(set *intent.RecordSet) room {
	r.count += len(set.Data)
	for _, data := range set.Data {
		r.size += len(data)
	}
	return r
}

// settle combines the entries after all claims, and refuses those that can't exist
// beside later ones.
func (g *Grant) settle(rule *Claims) (refusals []gatelodge.Problem) {
	if to, _ := g.Target(); to != nil && to.Alias != "" {
		for _, e := range g.Entries {
			refusals = append(refusals, *intent.Refuse(e.By, gatelodge.BadRecord, "%s %s is left out: %s makes the name an alias of %s, and no other record can exist beside an alias",
				g.Name, e.set.Rtype, g.Leader.Object, to.Alias))
		}
		return refusals
	}
	kept := make([]recordEntry, 0, len(g.Entries))
	for _, e := range g.Entries {
		if why := rule.leavesOut(g, e.set.Rtype); why != "" {
			refusals = append(refusals, *intent.Refuse(e.By, gatelodge.NameReserved, "%s %s is left out: %s", g.Name, e.set.Rtype, why))
			continue
		}
		kept = append(kept, e)
	}
	if g.kept = kept; len(kept) == 0 {
		return refusals
	}
	if whole := kept[0].of; len(kept) == len(whole.List) && !slices.ContainsFunc(kept, func(e recordEntry) bool { return e.of != whole }) {
		g.Records = whole // the same pointer as in the build before
		return refusals
	}
	g.Records = joinSets(kept)
	return refusals
}

func joinSets(entries []recordEntry) *intent.RecordSets {
	sets := &intent.RecordSets{}
	for _, e := range entries {
		sets.List = append(sets.List, *e.set)
	}
	return sets
}

// dropAlias removes an alias that can't exist beside records of the configuration, or
// that would apply to the name below which a wildcard is.
func (g *Grant) dropAlias(rule *Claims) (refusal *gatelodge.Problem) {
	to, _ := g.Target()
	if to == nil || to.Alias == "" {
		return nil
	}
	why := rule.leavesOut(g, "CNAME")
	if why == "" {
		return nil
	}
	g.Leads = LeadsNowhere
	return intent.Refuse(g.Leader, gatelodge.NameReserved, "%s CNAME is left out: %s", g.Name, why)
}

// leavesOut returns why records of a type may not be at a name, "" if they may. Names
// of the configuration are granted only for addresses. A wildcard answers for every
// name below it that does not exist, such as _acme-challenge.NAME and _dmarc.NAME,
// where records other than addresses have a meaning for NAME.
func (c *Claims) leavesOut(g *Grant, rtype string) string {
	if rtype == "A" || rtype == "AAAA" {
		return ""
	}
	if reservation, ok := c.Reserved[g.Name]; ok {
		return "the name is granted only for addresses, because it " + reservation.What
	}
	if !g.Name.IsWildcard() {
		return ""
	}
	base := g.Name.Parent()
	if reservation, ok := c.Reserved[base]; ok {
		return "it would answer for names such as _dmarc." + string(base) + ", and " + string(base) + " " + reservation.What
	}
	if r := c.rulings.Get(base); r.Namespace() != "" && r.Namespace() != g.Namespace() {
		return "it would answer for names such as _dmarc." + string(base) + ", and " + string(base) + " is granted to " + r.owner.Object.String()
	}
	return ""
}
