package compile

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// zoneBuilder makes one zone in one view.
type zoneBuilder struct {
	zone      *objects.ZoneConfig
	view      *objects.ViewConfig
	announced *announced
	https     *httpsRecords
	grants    *grants
	last      *zoneResult
	next      *zoneResult
	fresh     []gatelodge.Name // in next and not in last
}

func (b *zoneBuilder) build(granted []*grant, proofs map[gatelodge.Name][]gatelodge.Record) *gatelodge.Zone {
	b.addConfigured()
	b.addChallenges(proofs)
	wildcards := false
	for _, g := range granted {
		if !g.isPublished() {
			continue
		}
		wildcards = wildcards || g.name.IsWildcard()
		b.addHost(g)
		if b.view.Owners {
			b.addOwner(g.name, g.owner)
		}
	}
	if wildcards {
		b.addWildcardsAtEmptyNames()
	}
	b.order()

	zone := &gatelodge.Zone{
		Name: b.zone.Name, Hostmaster: b.zone.Hostmaster,
		TTL: b.zone.TTL, NegativeTTL: b.zone.NegativeTTL,
		Nodes: followList(b.last.served, b.last.order, b.next.order, func(r *nodeResult) (gatelodge.Name, *gatelodge.Node) {
			return r.node.Name, r.node
		}),
	}
	if len(b.zone.Nameservers) > 0 {
		zone.Primary = b.zone.Nameservers[0]
	}
	b.next.served = zone.Nodes
	return zone
}

// order sorts the nodes. Names that were there before keep their places, and
// only new ones are sorted in.
func (b *zoneBuilder) order() {
	kept := make([]*nodeResult, 0, len(b.next.nodes))
	for _, old := range b.last.order {
		if result := b.next.nodes[old.node.Name]; result != nil {
			kept = append(kept, result)
		}
	}
	fresh := make([]*nodeResult, len(b.fresh))
	for i, name := range b.fresh {
		fresh[i] = b.next.nodes[name]
	}
	byName := func(a, b *nodeResult) int { return a.node.Name.Compare(b.node.Name) }
	slices.SortFunc(fresh, byName)
	b.next.order = objects.InsertSorted(kept, fresh, byName)
}

// addConfigured adds what stands in the configuration, which may be much and
// seldom changes.
func (b *zoneBuilder) addConfigured() {
	c := b.last.configured
	if c == nil || c.zone != b.zone || !slices.Equal(c.nameservers, b.announced.nameservers) {
		b.putConfigured()
		c = &configured{zone: b.zone, nameservers: b.announced.nameservers, nodes: b.next.nodes}
	}
	b.next.configured = c
	b.next.nodes = make(map[gatelodge.Name]*nodeResult, len(b.last.nodes)+len(c.nodes))
	maps.Copy(b.next.nodes, c.nodes)
}

// putConfigured puts the nodes of the apex, the name servers and the static
// records. A static address of a name server wins over the addresses of the DNS
// Service.
func (b *zoneBuilder) putConfigured() {
	records := make(map[gatelodge.Name][]gatelodge.Record)
	add := func(name gatelodge.Name, typ, data string) {
		records[name] = append(records[name], gatelodge.Record{Name: name, Type: typ, TTL: b.zone.TTL, Data: data})
	}
	for _, record := range b.zone.Records {
		records[record.Name] = append(records[record.Name], record)
	}
	for _, ns := range b.zone.Nameservers {
		if ns.Within(b.zone.Name) && !slices.ContainsFunc(records[ns], objects.IsAddress) {
			for _, address := range b.announced.nameservers {
				add(ns, addressType(address), address.String())
			}
		}
	}
	for _, ns := range b.zone.Nameservers {
		add(b.zone.Name, "NS", string(ns)+".")
	}
	for _, caa := range b.zone.CAA {
		add(b.zone.Name, "CAA", caa)
	}
	for name, set := range records {
		b.put(name, nodeOrigin{}, set)
	}
}

// addHost publishes a granted name.
func (b *zoneBuilder) addHost(granted *grant) {
	origin := b.originOf(granted)
	if granted.leads == leadsNowhere && granted.records != nil {
		// The name exists by its other records, so that a DNS wildcard does not
		// reach it any more, and the wildcard's route does.
		if above := b.grants.names.Get(granted.name.Wildcard()); above != nil && above.namespace() == granted.namespace() {
			if wildcard := b.originOf(above); wildcard.target != nil && wildcard.target.Alias == "" {
				wildcard.records = origin.records
				origin = wildcard
			}
		}
	}
	b.addTarget(granted.name, origin)
}

// originOf is what the records of a granted name are made of.
func (b *zoneBuilder) originOf(granted *grant) nodeOrigin {
	origin := nodeOrigin{ttl: b.zone.TTL, records: granted.records}
	to, ttl := granted.target()
	if ttl != 0 {
		origin.ttl = ttl
	}
	if to != nil {
		origin.target = to
	} else if granted.leads == leadsToGateway {
		origin.target = b.announced.views[b.view.Name]
	}
	// What is spoken elsewhere is not known here.
	if own := b.announced.views[b.view.Name]; origin.target == own && len(own.Addresses) > 0 {
		origin.https = b.https.at(granted.name)
	}
	return origin
}

func (b *zoneBuilder) addTarget(name gatelodge.Name, origin nodeOrigin) {
	if b.reuse(name, origin) {
		return
	}
	var records []gatelodge.Record
	if origin.target != nil {
		for _, address := range origin.target.Addresses {
			records = append(records, gatelodge.Record{Name: name, Type: addressType(address), TTL: origin.ttl, Data: address.String()})
		}
		if origin.target.Alias != "" {
			records = append(records, gatelodge.Record{Name: name, Type: "CNAME", TTL: origin.ttl, Data: string(origin.target.Alias) + "."})
		}
	}
	if origin.https != "" {
		records = append(records, gatelodge.Record{Name: name, Type: "HTTPS", TTL: origin.ttl, Data: origin.https})
	}
	if origin.records != nil {
		for _, set := range origin.records.List {
			for _, data := range set.Data {
				records = append(records, gatelodge.Record{Name: name, Type: set.Rtype, TTL: cmp.Or(set.Ttl, b.zone.TTL), Data: data})
			}
		}
	}
	b.put(name, origin, records)
}

// addOwner tells at _owner.NAME who has NAME.
func (b *zoneBuilder) addOwner(name gatelodge.Name, owner *intent.Applicant) {
	at := "_owner." + name
	if len(at) > gatelodge.MaxNameLength {
		return
	}
	origin := nodeOrigin{ttl: b.zone.TTL, owner: owner, ownerName: name}
	if b.reuse(at, origin) {
		return
	}
	text := fmt.Sprintf("namespace=%s object=%s/%s since=%s",
		owner.Object.Namespace, owner.Object.Kind, owner.Object.Name, owner.Since.UTC().Format(time.RFC3339))
	b.put(at, origin, []gatelodge.Record{{Name: at, Type: "TXT", TTL: b.zone.TTL, Data: intent.CharacterStrings(text)}})
}

// addWildcardsAtEmptyNames publishes a wildcard's records also at names that
// exist only because there are names below them, and that the wildcard's route
// matches. A DNS wildcard does not reach those (RFC 4592 §2.2.2), and a name
// that routes has to resolve.
func (b *zoneBuilder) addWildcardsAtEmptyNames() {
	empty := make(map[gatelodge.Name]bool)
	for name := range b.next.nodes {
		for above := name.Parent(); above != b.zone.Name && above.Within(b.zone.Name); above = above.Parent() {
			if empty[above] {
				break
			}
			if b.next.nodes[above] == nil {
				empty[above] = true
			}
		}
	}
	for name := range empty {
		wildcard := b.next.nodes[name.Wildcard()]
		if wildcard != nil && wildcard.origin.target != nil && !b.leadsElsewhere(name) {
			origin := wildcard.origin
			origin.records = nil
			b.addTarget(name, origin)
		}
	}
}

// leadsElsewhere tells whether a name that has no records has them from nobody but
// its own objects, as that of a Service that waits for its address, or is another
// namespace's than the wildcard above it.
func (b *zoneBuilder) leadsElsewhere(name gatelodge.Name) bool {
	own := b.grants.names.Get(name)
	return own != nil && (own.isPublished() || own.namespace() != b.grants.names.Get(name.Wildcard()).namespace())
}

// reuse takes the node of the zone before, if it was made of the same.
func (b *zoneBuilder) reuse(name gatelodge.Name, origin nodeOrigin) bool {
	before := b.last.nodes[name]
	if before == nil || before.origin != origin {
		return false
	}
	b.next.nodes[name] = before
	return true
}

// put adds a node, and keeps the one of the zone before if it has the same
// records.
func (b *zoneBuilder) put(name gatelodge.Name, origin nodeOrigin, records []gatelodge.Record) {
	if len(records) == 0 {
		return
	}
	slices.SortFunc(records, func(a, b gatelodge.Record) int {
		return cmp.Or(strings.Compare(a.Type, b.Type), strings.Compare(a.Data, b.Data))
	})
	unifyTTL(records)
	node := &gatelodge.Node{Name: name, Records: slices.Compact(records)}
	switch before := b.last.nodes[name]; {
	case before == nil && b.next.nodes[name] == nil:
		b.fresh = append(b.fresh, name)
	case before != nil && reflect.DeepEqual(before.node, node):
		node = before.node
	}
	b.next.nodes[name] = &nodeResult{origin: origin, node: node}
}

// unifyTTL gives the records of one type, which stand together, one TTL, the
// shortest (RFC 2181 §5.2).
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
