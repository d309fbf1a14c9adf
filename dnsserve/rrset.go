package dnsserve

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// ownerIsQuestion is the owner field of a record owned by the name that was
// asked for: a compression pointer to the question (RFC 1035 §4.1.4).
const ownerIsQuestion = 0xC000 | headerSize

// rrset is all records of one name and type (RFC 2181 §5), compiled. It is
// immutable.
type rrset struct {
	rtype uint16
	count int

	// wire contains the records in the form for an answer whose owner is the question's
	// name: each begins with ownerIsQuestion, and the names in the data are not
	// compressed.
	wire []byte

	target name   // where a CNAME or DNAME points
	hosts  []name // whose addresses go into the additional section; the root is the owner
}

// fixedSize is the length of what comes before the data of a record with a
// compressed owner: owner, type, class, TTL and data length.
const fixedSize = 2 + 2 + 2 + 4 + 2

// newRRset compiles records of one owner and type. Duplicates count once
// (RFC 2181 §5), and all get the lowest TTL among them (§5.2).
func newRRset(rrs []dns.RR) (*rrset, error) {
	set := &rrset{rtype: rrs[0].Header().Rrtype}
	ttl := rrs[0].Header().Ttl
	for _, rr := range rrs {
		ttl = min(ttl, rr.Header().Ttl)
	}
	var packed [][]byte
	for _, rr := range rrs {
		wire, err := packRR(rr, ttl)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(packed, func(w []byte) bool { return bytes.Equal(w, wire) }) {
			continue
		}
		packed = append(packed, wire)
		if err := set.addTargets(rr); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(packed, bytes.Compare) // the order of records has no meaning
	set.count, set.wire = len(packed), bytes.Join(packed, nil)
	return set, nil
}

// packRR returns rr in wire form with ownerIsQuestion for its owner.
func packRR(rr dns.RR, ttl uint32) ([]byte, error) {
	root := dns.Copy(rr)
	root.Header().Name, root.Header().Ttl = ".", ttl
	buf := make([]byte, dns.Len(root)+1)
	n, err := dns.PackRR(root, buf[1:], 0, nil, false) // its owner has one octet; buf leaves room for the second
	if err != nil {
		return nil, fmt.Errorf("record %q has no wire form: %w", rr, err)
	}
	wire := buf[:n+1]
	binary.BigEndian.PutUint16(wire, ownerIsQuestion)
	return wire, nil
}

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

// addTargets records the names in rr at which lookups continue.
func (set *rrset) addTargets(rr dns.RR) (err error) {
	switch rr := rr.(type) {
	case *dns.CNAME:
		set.target, err = packName(rr.Target)
	case *dns.DNAME:
		set.target, err = packName(rr.Target)
	case *dns.NS:
		err = set.addHost(rr.Ns, false)
	case *dns.MX:
		err = set.addHost(rr.Mx, false)
	case *dns.SRV:
		err = set.addHost(rr.Target, false)
	case *dns.SVCB:
		err = set.addHost(rr.Target, rr.Priority > 0)
	case *dns.HTTPS:
		err = set.addHost(rr.Target, rr.Priority > 0)
	}
	return err
}

// addHost records a host. The root is not a host, but may stand for the owner (RFC
// 9460 §2.5.2).
func (set *rrset) addHost(text string, rootIsOwner bool) error {
	host, err := packName(text)
	if err == nil && (len(host) > 1 || rootIsOwner) {
		set.hosts = append(set.hosts, host)
	}
	return err
}

// equal reports whether both hold the same records.
func (set *rrset) equal(other *rrset) bool {
	return set.rtype == other.rtype && bytes.Equal(set.wire, other.wire)
}

// sortSets sorts the sets of a node.
func sortSets(sets []*rrset) {
	slices.SortFunc(sets, func(a, b *rrset) int { return int(a.rtype) - int(b.rtype) })
}

// records returns the records in the form that has a text form.
func (set *rrset) records(owner name) ([]dns.RR, error) {
	var rrs []dns.RR
	for wire := set.wire; len(wire) > 0; {
		size := recordSize(wire)
		message := append(slices.Clone([]byte(owner)), wire[2:size]...)
		rr, _, err := dns.UnpackRR(message, 0)
		if err != nil {
			return nil, fmt.Errorf("record of %s: %w", owner, err)
		}
		rrs = append(rrs, rr)
		wire = wire[size:]
	}
	return rrs, nil
}

// recordSize returns the length of the first record in wire, the form of
// rrset.wire.
func recordSize(wire []byte) int {
	return fixedSize + int(binary.BigEndian.Uint16(wire[fixedSize-2:]))
}
