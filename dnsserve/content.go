package dnsserve

import (
	"fmt"

	"github.com/miekg/dns"
)

// content contains the records of a zone while they are read and checked: by owner in
// lower case, and by type.
type content map[string]map[uint16][]dns.RR

// add adds rr. It returns an error if the records so far don't allow it.
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
		return fmt.Errorf("%s has a CNAME record and other records (RFC 1034 §3.6.2)", owner)
	case sets[dns.TypeDNAME] != nil && sets[dns.TypeNS] != nil && sets[dns.TypeSOA] == nil:
		return fmt.Errorf("%s has a DNAME record and is delegated (RFC 6672 §2.3)", owner)
	}
	return nil
}

// checkDNAMEs returns an error if there is a name below a DNAME, where no query
// would find it.
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
