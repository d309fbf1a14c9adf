package dnsserve

import (
	"errors"
	"fmt"

	"github.com/miekg/dns"
)

// content is the records of a zone while it is read and checked: by owner in
// lower case, and by type.
type content map[string]map[uint16][]dns.RR

// add takes rr in, unless what is there already forbids it.
func (c content) add(rr dns.RR) error {
	h := rr.Header()
	owner := dns.CanonicalName(h.Name)
	sets := c[owner]
	if sets == nil {
		sets = make(map[uint16][]dns.RR)
		c[owner] = sets
	}
	for _, other := range sets[h.Rrtype] {
		if dns.IsDuplicate(rr, other) {
			return nil // RFC 2181 §5
		}
	}
	switch h.Rrtype {
	case dns.TypeCNAME, dns.TypeDNAME, dns.TypeSOA:
		if len(sets[h.Rrtype]) > 0 {
			return fmt.Errorf("%s has a second %s record", owner, dns.Type(h.Rrtype))
		}
	}
	sets[h.Rrtype] = append(sets[h.Rrtype], rr)
	switch {
	case sets[dns.TypeCNAME] != nil && len(sets) > 1:
		return fmt.Errorf("%s has a CNAME record and others (RFC 1034 §3.6.2)", owner)
	case sets[dns.TypeDNAME] != nil && sets[dns.TypeNS] != nil && sets[dns.TypeSOA] == nil:
		return fmt.Errorf("%s has a DNAME record and is delegated (RFC 6672 §2.3)", owner)
	}
	return nil
}

// checkDNAMEs refuses names below a DNAME, which would be out of reach.
func (c content) checkDNAMEs() error {
	for owner := range c {
		for above := range ancestors(owner) {
			if c[above][dns.TypeDNAME] != nil {
				return fmt.Errorf("%s is below the DNAME record of %s (RFC 6672 §2.4)", owner, above)
			}
		}
	}
	return nil
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

// ancestors yields the names above s, the nearest first.
func ancestors(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for at, end := dns.NextLabel(s, 0); !end; at, end = dns.NextLabel(s, at) {
			if !yield(s[at:]) {
				return
			}
		}
	}
}

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
	var l labels
	l.split(zoneName)
	z := &zone{name: zoneName, depth: l.n, apex: &node{}}
	for owner, byType := range c {
		var sets []*rrset
		for _, rrs := range byType {
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
		z.apex = z.put(z.apex, n, sets)
	}
	return z, z.setSOA(soa)
}
