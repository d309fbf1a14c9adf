package dnsserve

import (
	"errors"
	"fmt"

	"github.com/miekg/dns"
)

// loadZone reads a whole zone from its text, whose names are absolute, and
// checks it. The SOA record says what the zone's name is. A zone that can't be
// served as it is meant is refused with the reason.
func loadZone(text string) (*zone, error) {
	all := make(content)
	var soa *dns.SOA
	err := parseZoneFile("", text, ".", func(rr dns.RR) error {
		if s, ok := rr.(*dns.SOA); ok && soa == nil {
			soa = s
		}
		return all.add(rr)
	})
	if err != nil {
		return nil, err
	}
	if soa == nil {
		return nil, errors.New("the zone has no SOA record")
	}
	origin := dns.CanonicalName(soa.Hdr.Name)
	if all[origin][dns.TypeNS] == nil {
		return nil, fmt.Errorf("zone %s has no NS records", origin)
	}
	for owner, sets := range all {
		if !dns.IsSubDomain(origin, owner) {
			return nil, fmt.Errorf("%s is outside of zone %s", owner, origin)
		}
		if owner != origin && sets[dns.TypeSOA] != nil {
			return nil, fmt.Errorf("%s has an SOA record and is inside of zone %s", owner, origin)
		}
	}
	if err := errors.Join(all.checkDNAMEs(), all.checkServers(origin)); err != nil {
		return nil, err
	}
	return all.zone(soa)
}

// zone compiles checked content.
func (c content) zone(soa *dns.SOA) (*zone, error) {
	zoneName, err := packName(soa.Hdr.Name)
	if err != nil {
		return nil, err
	}
	z := &zone{apex: &node{}}
	z.setName(zoneName)
	for owner, byType := range c {
		var sets []*rrset
		for rtype, rrs := range byType {
			if rtype == dns.TypeSOA {
				continue
			}
			set, err := newRRset(rrs)
			if err != nil {
				return nil, err
			}
			sets = append(sets, set)
		}
		sortSets(sets)
		n, err := packName(owner)
		if err != nil {
			return nil, err
		}
		z.apex = z.put(z.apex, n, true, sets)
	}
	record, err := compileSOA(soa)
	z.authority = &authority{}
	z.authority.current.Store(record)
	return z, err
}

// checkServers refuses name servers of a delegation, or of the zone, that have
// no address although this zone is the place for it.
func (c content) checkServers(origin string) error {
	for owner, sets := range c {
		for _, rr := range sets[dns.TypeNS] {
			host := dns.CanonicalName(rr.(*dns.NS).Ns)
			if !dns.IsSubDomain(origin, host) || c.hasAddress(host) {
				continue
			}
			if cut := c.delegation(origin, host); cut == "" || cut == owner {
				return fmt.Errorf("name server %s of %s has no address", host, owner)
			}
		}
	}
	return nil
}

// hasAddress tells whether host, or a wildcard that stands for it, has an
// address.
func (c content) hasAddress(host string) bool {
	has := func(owner string) bool { return c[owner][dns.TypeA] != nil || c[owner][dns.TypeAAAA] != nil }
	if has(host) {
		return true
	}
	for above := range ancestors(host) {
		if has("*." + above) {
			return true
		}
	}
	return false
}

// delegation returns the delegation that host is at or below, and "" if the
// zone itself holds it.
func (c content) delegation(origin, host string) (cut string) {
	if host != origin && c[host][dns.TypeNS] != nil {
		cut = host
	}
	for above := range ancestors(host) {
		if above == origin {
			return cut
		}
		if c[above][dns.TypeNS] != nil {
			cut = above
		}
	}
	return cut
}
