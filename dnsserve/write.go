package dnsserve

import "encoding/binary"

// appendReply adds the reply with the code, flags and sections of r to query q
// to b, which is empty, and at most limit octets long.
//
// An RRset goes in whole or not at all. If one of the answer or the authority
// section does not fit, the reply is marked as truncated (RFC 2181 §9), and so
// is a referral that lacks addresses of its name servers (RFC 9471 §3.1). Other
// additional records are optional. There is always room for OPT and TSIG.
func appendReply(b []byte, q *query, r *reply, opt *options, limit int) []byte {
	flags := flagQR | q.flags&(opcodeMask|flagRD|flagCD) | uint16(r.rcode&0xF)
	if r.authoritative {
		flags |= flagAA
	}
	b = binary.BigEndian.AppendUint16(b, q.id)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) // flags and counts, filled in at the end
	b = append(b, q.question...)
	if q.edns.present {
		limit -= opt.size()
	}
	limit -= q.tsig.size()

	var counts [3]int
	truncated := r.truncated
	for _, p := range r.answer {
		if truncated {
			break
		}
		b, truncated = appendSet(b, q.name, p, limit, &counts[0])
	}
	for _, p := range r.authority {
		if truncated {
			break
		}
		b, truncated = appendSet(b, q.name, p, limit, &counts[1])
	}
	for _, p := range r.additional {
		if truncated {
			break
		}
		var missed bool
		if b, missed = appendSet(b, q.name, p, limit, &counts[2]); missed {
			truncated = r.referral && p.owner.within(r.authority[0].owner)
		}
	}

	if truncated {
		flags |= flagTC
	}
	if q.edns.present {
		opt.pad(len(b))
		b = opt.append(b, &q.edns, r.rcode)
		counts[2]++
	}
	binary.BigEndian.PutUint16(b[2:], flags)
	if q.question != nil {
		b[5] = 1
	}
	for i, n := range counts {
		binary.BigEndian.PutUint16(b[6+2*i:], uint16(n))
	}
	if q.tsig.key != nil {
		b = q.tsig.append(b, q.id)
	}
	return b
}

// appendSet appends an RRset, or returns b as it is and true if the result would
// be longer than limit.
func appendSet(b []byte, qname name, p placed, limit int, count *int) (_ []byte, missed bool) {
	before := len(b)
	if len(b)+len(p.set.wire) > limit { // no owner is shorter than the compiled one, but the root
		return b, true
	}
	if &p.owner[0] == &qname[0] {
		b = append(b, p.set.wire...)
	} else {
		for wire := p.set.wire; len(wire) > 0; {
			size := recordSize(wire)
			b = appendOwner(b, qname, p.owner)
			b = append(b, wire[2:size]...)
			wire = wire[size:]
		}
		if len(b) > limit {
			return b[:before], true
		}
	}
	*count += p.set.count
	return b, false
}

// appendOwner appends a name, and compresses the suffix that it shares with the
// name in the question.
func appendOwner(b []byte, qname, owner name) []byte {
	for rest := owner; ; {
		if rest[0] == 0 {
			return append(b, 0)
		}
		if qname.within(rest) {
			return binary.BigEndian.AppendUint16(b, uint16(0xC000|headerSize+len(qname)-len(rest)))
		}
		size := int(rest[0]) + 1
		b = append(b, rest[:size]...)
		rest = rest[size:]
	}
}
