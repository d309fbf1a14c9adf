package dnsserve

import (
	"log/slog"
	"slices"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
)

// table is a compiled Snapshot.
type table struct {
	views     map[string]*view
	zones     map[zoneKey]*compiledZone
	rateLimit int     // replies a second to one client network; 0: no limit
	logShare  float64 // of queries
	minTLS    uint16
}

// view returns the view of this name, and nil if t is nil or has none.
func (t *table) view(name string) *view {
	if t == nil {
		return nil
	}
	return t.views[name]
}

// compiledZone is a zone with what it was made of.
type compiledZone struct {
	zone
	source *gatelodge.Zone
}

// compiler makes tables. It is used by one Swap at a time.
type compiler struct {
	log     *slog.Logger
	serials *serials
	metrics *metrics
}

// compile makes the table of next. Zones that did not change are those of the
// table before, and so are the nodes of a zone that changed elsewhere.
func (c *compiler) compile(next *gatelodge.Snapshot, before *table) *table {
	t := &table{views: make(map[string]*view), zones: make(map[zoneKey]*compiledZone)}
	for _, v := range next.Views {
		var zones []*zone
		for _, source := range v.Zones {
			key := zoneKey{string(source.Name), v.Name}
			var last *compiledZone
			if before != nil {
				last = before.zones[key]
			}
			if z := c.compileZone(key, source, last); z != nil {
				t.zones[key] = z
				zones = append(zones, &z.zone)
			}
		}
		t.views[v.Name] = newView(zones)
		t.views[v.Name].outside = c.metrics.of(zoneKey{view: v.Name})
	}
	if next.Settings != nil {
		t.rateLimit = next.Settings.DNS.RateLimit
		t.logShare = next.Settings.DNS.QuerySample
		t.minTLS = next.Settings.TLS.MinVersion
	}
	return t
}

// compileZone makes the zone of source. It gets a new serial if it is not in
// all the same as the one before, which is nil for a new zone.
func (c *compiler) compileZone(key zoneKey, source *gatelodge.Zone, before *compiledZone) *compiledZone {
	if before != nil && before.source == source {
		return before
	}
	zoneName := wireName(source.Name)
	var l labels
	l.split(zoneName)
	z := &compiledZone{zone: zone{name: zoneName, depth: l.n, apex: &node{}, stats: c.metrics.of(key)}, source: source}
	var old []*gatelodge.Node
	if before != nil {
		z.apex, old = before.apex, before.source.Nodes
	}
	changed := c.update(z, old, source.Nodes)
	if before != nil && !changed && sameStart(before.source, source) {
		z.zone = before.zone
		return z
	}
	z.serial = c.serials.next(key)
	if err := z.setStart(); err != nil {
		c.log.Error("a zone is left out, it can't have an SOA record", "zone", source.Name, "error", err)
		return nil
	}
	return z
}

// update brings the tree of z from the old nodes to the new ones, both of
// which are sorted, and tells whether that changed any record.
func (c *compiler) update(z *compiledZone, old, now []*gatelodge.Node) (changed bool) {
	put := func(n gatelodge.Name, sets []*rrset) {
		owner := wireName(n)
		if !owner.within(z.name) {
			c.log.Error("a name outside its zone is left out", "zone", z.source.Name, "name", n)
			return
		}
		if n == z.source.Name {
			sets = slices.DeleteFunc(sets, func(s *rrset) bool { return s.rtype == dns.TypeSOA })
		}
		at := z.find(owner)
		if at == nil && len(sets) == 0 || at != nil && sameSets(at.sets, sets) {
			return
		}
		z.apex = z.put(z.apex, owner, sets)
		changed = true
	}
	for len(old) > 0 || len(now) > 0 {
		order := 0
		switch {
		case len(old) == 0:
			order = 1
		case len(now) == 0:
			order = -1
		case old[0] != now[0]:
			order = old[0].Name.Compare(now[0].Name)
		default:
			old, now = old[1:], now[1:]
			continue
		}
		if order < 0 {
			put(old[0].Name, nil)
			old = old[1:]
			continue
		}
		put(now[0].Name, c.compileSets(now[0]))
		if order == 0 {
			old = old[1:]
		}
		now = now[1:]
	}
	return changed
}
