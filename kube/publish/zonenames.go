package publish

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/claims"
	"gatelodge.dev/kube/externaldns"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// own returns the records of a name that don't depend on others.
func (b *zoneBuilder) own(name gatelodge.Name, granted *claims.Grant) []gatelodge.Record {
	configured := b.plan.records[name]
	records := slices.Clone(configured)
	if _, isCut := b.plan.cutAbove(name); isCut {
		return records
	}
	if granted != nil && !b.verdicts.Get(name).withholds() && !slices.ContainsFunc(configured, decidesLead) {
		records = append(append(records, b.leading(name, granted)...), b.added(granted)...)
	}
	if b.view.Owners {
		records = append(records, b.responsible(name, granted, records)...)
	}
	if len(records) == 0 {
		// An existing record may lead to another server that proves control of the
		// name.
		records = slices.Clone(b.proofs[name])
	}
	if len(records) == 0 || records[0].Type != "CNAME" {
		records = append(records, b.persistentRecords(name)...)
	}
	return records
}

// decidesLead reports whether a record of the configuration decides where its name
// leads, so that no object does.
func decidesLead(r gatelodge.Record) bool { return objects.IsAddress(r) || r.Type == "CNAME" }

// leading returns the records that lead a name where a granted name leads: itself, or
// the wildcard above it.
func (b *zoneBuilder) leading(name gatelodge.Name, granted *claims.Grant) (records []gatelodge.Record) {
	to, ttl := granted.Target()
	ttl = cmp.Or(ttl, b.plan.zone.TTL)
	announced := b.announced.Views[b.view.Name]
	if to == nil && granted.Leads == claims.LeadsToGateway {
		to = announced
	}
	if to == nil {
		return nil
	}
	add := func(typ, data string) {
		records = append(records, gatelodge.Record{Name: name, Type: typ, TTL: ttl, Data: data})
	}
	for _, address := range to.Addresses {
		add(addressType(address), address.String())
	}
	if to.Alias != "" {
		add("CNAME", string(to.Alias)+".")
	}
	// The protocols of other servers are unknown.
	if to == announced && len(to.Addresses) > 0 {
		if data := b.https.data[b.view.Name]; data != "" && b.https.names.Get(granted.Name) {
			add("HTTPS", data)
		}
	}
	return records
}

// reach contains everything that the names below a wildcard depend on. The zero reach
// means no wildcard.
type reach struct {
	namespace string
	leads     claims.LeadKind
	to        *externaldns.Target
	ttl       time.Duration
	https     bool
	author    gatelodge.Object // of an alias
	records   *intent.RecordSets
	contact   string
}

func (v *Views) reachOf(wildcard *claims.Grant) (r reach) {
	if wildcard == nil {
		return r
	}
	r = reach{namespace: wildcard.Namespace(), leads: wildcard.Leads, https: v.https.names.Get(wildcard.Name), records: wildcard.Records, contact: wildcard.Contact}
	if r.to, r.ttl = wildcard.Target(); r.to != nil && r.to.Alias != "" {
		r.author = wildcard.TargetAuthor().Object
	}
	return r
}

// added returns the records that DNSEndpoints add to a name.
func (b *zoneBuilder) added(granted *claims.Grant) (records []gatelodge.Record) {
	if granted.Records == nil {
		return nil
	}
	for _, set := range granted.Records.List {
		for _, data := range set.Data {
			records = append(records, gatelodge.Record{Name: granted.Name, Type: set.Rtype, TTL: cmp.Or(set.TTL, b.plan.zone.TTL), Data: data})
		}
	}
	return records
}

// granted returns the view's part of the grant of a name, or nil.
func (b *zoneBuilder) granted(name gatelodge.Name) *claims.Grant {
	return b.grants.Names.Get(name).In(b.view.Name)
}

// wildcardFor returns the wildcard whose addresses a name has in addition to its own
// records, nil for none. A DNS wildcard does not apply to a name that exists, even if
// only by other records or names below it (RFC 4592 §2.2.2), but the wildcard's route
// does, and a name that routes has to resolve.
func (b *zoneBuilder) wildcardFor(name gatelodge.Name, r *result, own bool) *claims.Grant {
	if name == b.plan.zone.Name || name.IsWildcard() || len(b.plan.records[name]) > 0 {
		return nil
	}
	granted := r.granted
	switch {
	case granted != nil && (r.in.Leads != claims.LeadsNowhere || b.isElsewhere(r)):
		return nil
	case own && granted == nil, !own && b.presence.Get(name).below == 0:
		return nil
	}
	wildcard := b.granted(name.Wildcard())
	if wildcard == nil || granted != nil && granted.Namespace() != wildcard.Namespace() {
		return nil
	}
	// An alias applies to every query for the name: for its other records, and for the
	// CAA records that apply to the names below it (RFC 8659 §3).
	if to, _ := wildcard.Target(); to != nil && to.Alias != "" && (own || b.tenants.otherAt(name, wildcard.Namespace()) != "") {
		return nil
	}
	if _, isCut := b.plan.cutAbove(name); isCut {
		return nil
	}
	return wildcard
}

// isElsewhere reports whether a granted name is only in other views.
func (b *zoneBuilder) isElsewhere(r *result) bool {
	return r.granted.IsPartial() && r.in.IsNothing()
}

// isSpokenFor reports whether a wildcard of another namespace, or one in a view that
// the name is not in, would apply to a name without records if it did not exist.
func (b *zoneBuilder) isSpokenFor(name gatelodge.Name, r *result) bool {
	granted := r.granted
	if _, isCut := b.plan.cutAbove(name); isCut {
		return false
	}
	if granted != nil {
		if wildcard := b.wildcardOver(name); wildcard != nil && (wildcard.Namespace() != granted.Namespace() || b.isElsewhere(r)) {
			return true
		}
	}
	label, _, _ := strings.Cut(string(name), ".")
	at := slices.Index(claims.ProofLabels(), label)
	if at < 0 {
		return false
	}
	wildcard := b.granted("*." + name.Parent())
	if wildcard == nil || b.tenants.otherAt(name.Parent(), wildcard.Namespace()) == "" {
		return false
	}
	own := b.own(wildcard.Name, wildcard)
	return slices.ContainsFunc(own, func(r gatelodge.Record) bool {
		return at == 0 || !objects.IsAddress(r) && r.Type != "HTTPS" && r.Type != "RP"
	})
}

// wildcardOver returns the nearest wildcard above the name, if it is granted: those of
// the configuration belong to no namespace.
func (b *zoneBuilder) wildcardOver(name gatelodge.Name) *claims.Grant {
	for above := name; above != b.plan.zone.Name; {
		above = above.Parent()
		at := "*." + above
		if at == name {
			continue
		}
		if len(b.plan.records[at]) > 0 {
			return nil
		}
		if wildcard := b.granted(at); wildcard != nil && b.answers(wildcard) {
			return wildcard
		}
	}
	return nil
}

// answers reports whether a granted name has records.
func (b *zoneBuilder) answers(granted *claims.Grant) bool {
	return granted.IsPublished() && len(b.own(granted.Name, granted)) > 0
}

// unifyTTL gives the records of each type one TTL, the shortest (RFC 2181 §5.2).
func unifyTTL(records []gatelodge.Record) {
	for start := 0; start < len(records); {
		end, ttl := start, records[start].TTL
		for ; end < len(records) && records[end].Type == records[start].Type; end++ {
			ttl = min(ttl, records[end].TTL)
		}
		for ; start < end; start++ {
			records[start].TTL = ttl
		}
	}
}

func addressType(address netip.Addr) string {
	if address.Is4() {
		return "A"
	}
	return "AAAA"
}
