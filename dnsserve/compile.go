package dnsserve

import (
	"log/slog"
	"slices"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
	"github.com/miekg/dns"
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

// sameSets compares the records of a node, all but the SOA, which is made
// here and not by the Snapshot.
func sameSets(a, b []*rrset) bool {
	if len(a) > 0 {
		a = slices.DeleteFunc(slices.Clone(a), func(s *rrset) bool { return s.rtype == dns.TypeSOA })
	}
	return slices.EqualFunc(a, b, (*rrset).equal)
}

// compileSets parses a node's records. One that does not parse is logged and
// left out: the others are served.
func (c *compiler) compileSets(n *gatelodge.Node) []*rrset {
	byType := make(map[uint16][]dns.RR)
	for _, record := range n.Records {
		rr, err := parseRecord(record)
		if err != nil {
			c.log.Error("a record is left out", "record", record.String(), "error", err)
			continue
		}
		rtype := rr.Header().Rrtype
		byType[rtype] = append(byType[rtype], rr)
	}
	return c.sets(string(n.Name), byType)
}

// sets compiles the records of a name. What RFC 1034 §3.6.2 forbids beside a
// CNAME takes its place.
func (c *compiler) sets(owner string, byType map[uint16][]dns.RR) []*rrset {
	if len(byType) > 1 && byType[dns.TypeCNAME] != nil {
		c.log.Error("a CNAME is left out, its name has other records", "name", owner)
		delete(byType, dns.TypeCNAME)
	}
	var sets []*rrset
	for rtype, rrs := range byType {
		if (rtype == dns.TypeCNAME || rtype == dns.TypeDNAME) && len(rrs) > 1 {
			c.log.Error("all but one record of a type that may be there once are left out", "name", owner, "type", dns.Type(rtype))
			rrs = rrs[:1]
		}
		set, err := newRRset(rrs)
		if err != nil {
			c.log.Error("records are left out", "name", owner, "type", dns.Type(rtype), "error", err)
			continue
		}
		sets = append(sets, set)
	}
	sortSets(sets)
	return sets
}

// The times of an SOA record that secondaries go by (RFC 1912 §2.2). Changes
// reach them by NOTIFY, so refreshing is the exception.
const (
	soaRefresh = 4 * time.Hour
	soaRetry   = time.Hour
	soaExpire  = 14 * 24 * time.Hour
)

// setStart gives z its SOA record, which a zone starts with.
func (z *compiledZone) setStart() error {
	soa := &dns.SOA{
		Hdr:     dns.RR_Header{Name: ".", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: seconds(z.source.TTL)},
		Ns:      dns.Fqdn(string(z.source.Primary)),
		Mbox:    dns.Fqdn(string(z.source.Hostmaster)),
		Serial:  z.serial,
		Refresh: seconds(soaRefresh),
		Retry:   seconds(soaRetry),
		Expire:  seconds(soaExpire),
		Minttl:  seconds(z.source.NegativeTTL),
	}
	return z.setSOA(soa)
}

// setSOA puts soa at the apex of z, and makes of it what negative answers
// carry.
func (z *zone) setSOA(soa *dns.SOA) error {
	set, err := newRRset([]dns.RR{soa})
	if err != nil {
		return err
	}
	short := *soa
	short.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
	negative, err := newRRset([]dns.RR{&short})
	if err != nil {
		return err
	}
	sets := slices.DeleteFunc(slices.Clone(z.apex.sets), func(s *rrset) bool { return s.rtype == dns.TypeSOA })
	sets = append(sets, set)
	sortSets(sets)
	z.apex, z.negative, z.serial = z.apex.withSets(sets), negative, soa.Serial
	return nil
}

// sameStart tells whether both zones have the same SOA but for the serial.
func sameStart(a, b *gatelodge.Zone) bool {
	return a.Primary == b.Primary && a.Hostmaster == b.Hostmaster && a.TTL == b.TTL && a.NegativeTTL == b.NegativeTTL
}

// seconds is a TTL or another time of a record (RFC 2181 §8: 31 bits).
func seconds(d time.Duration) uint32 {
	return uint32(min(max(d/time.Second, 0), 1<<31-1))
}

// parseRecord makes a record of its text.
func parseRecord(record gatelodge.Record) (dns.RR, error) {
	text := record.String()
	if strings.ContainsAny(text, "\n\r") {
		return nil, errLine
	}
	rr, err := dns.NewRR(text)
	if err == nil && rr == nil {
		err = errLine
	}
	return rr, err
}
