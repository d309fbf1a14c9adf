package dnsserve

import (
	"log/slog"
	"slices"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/dnsserve/versions"
)

// compiler makes tables. It is used by one Swap at a time.
type compiler struct {
	log         *slog.Logger
	versions    *versions.Zones
	authorities *authorities
	metrics     *metrics
}

// compile returns the table of next. Unchanged views and zones, and unchanged nodes of
// a changed zone, are reused from the previous table.
func (c *compiler) compile(next *gatelodge.Snapshot, before *table) *table {
	t := &table{views: make(map[string]*view, len(next.Views))}
	t.compileTransfers(next.Transfers, before)
	for _, source := range next.Views {
		last := before.view(source.Name)
		if last != nil && last.source == source {
			t.views[source.Name] = last
			continue
		}
		var zones []*zone
		for _, sourceZone := range source.Zones {
			key := zoneKey{string(sourceZone.Name), source.Name}
			if z := c.compileZone(key, sourceZone, last.zone(sourceZone.Name)); z != nil {
				zones = append(zones, z)
			}
		}
		v := newView(zones)
		v.source, v.clients, v.outside = source, source.Clients, c.metrics.of(zoneKey{view: source.Name})
		t.views[source.Name] = v
	}
	if next.Settings != nil {
		t.nsid = next.Settings.DNS.NSID
		t.rateLimit = next.Settings.DNS.RateLimit
		t.logShare = next.Settings.DNS.QuerySample
		t.minTLS = next.Settings.TLS.MinVersion
	}
	return t
}

// compileZone compiles a zone, or returns nil if that is impossible. before is nil for
// a new zone.
func (c *compiler) compileZone(key zoneKey, source *gatelodge.Zone, before *zone) *zone {
	if before != nil && before.source == source {
		return before
	}
	provisional, err := newSOA(source, uint32(time.Now().Unix()))
	if err != nil {
		c.log.Error("a zone is left out because it can't have an SOA record", "zone", source.Name, "error", err)
		return nil
	}
	provisional.known = false
	z := &zone{key: versions.Key{Zone: source.Name, View: key.view}, source: source, private: source.Private, apex: &node{}, authority: c.authorities.of(key), stats: c.metrics.of(key)}
	z.setName(wireName(source.Name))
	var old gatelodge.Map[gatelodge.Name, *gatelodge.Node]
	if before != nil {
		z.apex, old = before.apex, before.source.Nodes
	}
	c.update(z, old)
	z.authority.current.CompareAndSwap(nil, provisional)
	c.versions.Built(z.key, source)
	return z
}

// update changes the tree of z, made of the old nodes, into that of its own nodes.
func (c *compiler) update(z *zone, old gatelodge.Map[gatelodge.Name, *gatelodge.Node]) {
	for n, change := range z.source.Nodes.Changes(old) {
		owner := wireName(n)
		if !owner.within(z.name) {
			c.log.Error("a name outside its zone is left out", "zone", z.source.Name, "name", n)
			continue
		}
		stands, sets := change.After != nil, c.compileSets(change.After)
		if n == z.source.Name {
			sets = slices.DeleteFunc(sets, isSOA)
		}
		at := z.find(owner)
		if at == nil && !stands || at != nil && at.stands == stands && sameSets(at.sets, sets) {
			continue
		}
		z.apex = z.put(z.apex, owner, stands, sets)
	}
}
