package dnsserve

import (
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/dnsserve/versions"
)

// zoneKey names a zone in a view.
type zoneKey struct{ zone, view string }

// transferKey names a zone, by its name in wire form, in a view.
type transferKey struct{ zone, view string }

// table contains the parts of a Snapshot that queries need.
type table struct {
	views     map[string]*view
	nsid      bool    // clients that ask for the identity get it
	rateLimit int     // replies a second to one client network; 0: no limit
	logShare  float64 // of queries
	minTLS    uint16

	keys      map[string]*signingKey // by name in wire form
	transfers map[transferKey]*transfer
	source    []*gatelodge.Transfer // what both were compiled from
}

// view returns the view of this name, and nil if t is nil or does not have it.
func (t *table) view(name string) *view {
	if t == nil {
		return nil
	}
	return t.views[name]
}

// viewFor returns the first of these views that is for the client, and nil if t is nil
// or has none.
func (t *table) viewFor(names []string, client netip.Addr) *view {
	if t == nil {
		return nil
	}
	for _, name := range names {
		if v := t.views[name]; v != nil && (v.clients == nil || v.clients.Contains(client.Unmap())) {
			return v
		}
	}
	return nil
}

// viewForKey returns the view for a client that signed with the key: v, the view by its
// address, unless the key only allows transfers in other views.
func (t *table) viewForKey(names []string, key *signingKey, v *view) *view {
	if key == nil || v != nil && slices.Contains(key.views, v.name()) {
		return v
	}
	for _, name := range names {
		if other := t.views[name]; other != nil && slices.Contains(key.views, name) {
			return other
		}
	}
	return v
}

// has reports whether t has the zone in the view.
func (t *table) has(key zoneKey) bool {
	return t.view(key.view).zone(gatelodge.Name(key.zone)) != nil
}

// hasZone reports whether t has the zone that a key of versions names.
func (t *table) hasZone(key versions.Key) bool { return t.has(zoneKey{string(key.Zone), key.View}) }

// view is the zones that one listener answers for.
type view struct {
	source  *gatelodge.View    // what it was compiled from
	clients gatelodge.Networks // that it is for; nil: for all
	zones   map[string]*zone   // by name in wire form

	// The fewest and the most labels of the zones' names: no other suffix of a
	// name is worth looking for.
	fewest, most int

	outside *zoneStats // of queries for names in none of the zones; nil: not counted
}

// name returns the view's name, "" if v is nil.
func (v *view) name() string {
	if v == nil || v.source == nil {
		return ""
	}
	return v.source.Name
}

func newView(zones []*zone) *view {
	v := &view{zones: make(map[string]*zone, len(zones))}
	for i, z := range zones {
		if i == 0 {
			v.fewest = z.depth
		}
		v.fewest, v.most = min(v.fewest, z.depth), max(v.most, z.depth)
		v.zones[string(z.name)] = z
	}
	return v
}

// zone returns the zone of this name, and nil if v is nil or does not have it.
func (v *view) zone(n gatelodge.Name) *zone {
	if v == nil {
		return nil
	}
	return v.zones[string(wireName(n))]
}

// zoneOf returns the zone to look up qname in, and nil if it is in none; it
// leaves the labels of qname in l. The DS records of a zone belong to the zone
// above, so that one is preferred for them.
func (v *view) zoneOf(l *labels, qname name, qtype uint16) *zone {
	l.split(qname)
	var apex *zone
	for depth := min(l.n, v.most); depth >= v.fewest && depth >= 0; depth-- {
		z := v.zones[string(l.suffix(qname, l.n-depth))]
		if z == nil {
			continue
		}
		if depth == l.n && qtype == dns.TypeDS {
			apex = z
			continue
		}
		return z
	}
	return apex
}
