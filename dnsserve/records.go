package dnsserve

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
)

// sameSets reports whether two nodes own the same records.
func sameSets(a, b []*rrset) bool { return slices.EqualFunc(a, b, (*rrset).equal) }

// compileSets parses a node's records; a nil node has none. A record that does
// not parse is logged and left out: the others are served.
func (c *compiler) compileSets(n *gatelodge.Node) []*rrset {
	if n == nil {
		return nil
	}
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

// sets compiles the records of a name. Other records replace a CNAME, which must
// be alone at its name (RFC 1034 §3.6.2).
func (c *compiler) sets(owner string, byType map[uint16][]dns.RR) []*rrset {
	if len(byType) > 1 && byType[dns.TypeCNAME] != nil {
		c.log.Error("a CNAME is left out because its name has other records", "name", owner)
		delete(byType, dns.TypeCNAME)
	}
	var sets []*rrset
	for rtype, rrs := range byType {
		if (rtype == dns.TypeCNAME || rtype == dns.TypeDNAME) && len(rrs) > 1 {
			c.log.Error("only one record of the type may exist, the others are left out", "name", owner, "type", dns.Type(rtype))
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

// parseRecord parses a record.
func parseRecord(record gatelodge.Record) (dns.RR, error) {
	text := record.String()
	if strings.ContainsAny(text, "\n\r") {
		return nil, errLine
	}
	rr, err := dns.NewRR(text)
	if err != nil {
		return nil, withoutPlace(err)
	}
	if rr == nil {
		return nil, errLine
	}
	return rr, nil
}
