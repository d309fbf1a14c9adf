package dnsserve

import (
	"encoding/binary"

	"github.com/miekg/dns"
)

// synthesize returns the CNAME that a DNAME makes for one name under it, with
// the DNAME's TTL (RFC 6672 §3.1).
func synthesize(dname *rrset, target name) *rrset {
	wire := make([]byte, 0, fixedSize+len(target))
	wire = binary.BigEndian.AppendUint16(wire, ownerIsQuestion)
	wire = binary.BigEndian.AppendUint16(wire, dns.TypeCNAME)
	wire = binary.BigEndian.AppendUint16(wire, dns.ClassINET)
	wire = append(wire, dname.wire[6:10]...) // TTL
	wire = binary.BigEndian.AppendUint16(wire, uint16(len(target)))
	wire = append(wire, target...)
	return &rrset{rtype: dns.TypeCNAME, count: 1, wire: wire, target: target}
}
