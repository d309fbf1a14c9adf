package dnsserve

import (
	"slices"

	"github.com/miekg/dns"
)

// maxChain is how many CNAME and DNAME records an answer follows. Resolvers
// continue from the last one.
const maxChain = 16

// placed is an rrset with its owner in an answer: for a wildcard's records that
// is the name asked for.
type placed struct {
	owner name
	set   *rrset
}

// reply is the result of a lookup. It is reused from query to query.
type reply struct {
	rcode         int
	authoritative bool
	zone          *zone // of the name asked for; nil: it is in no zone
	truncated     bool  // the complete answer is available over TCP
	referral      bool  // the authority section holds a delegation
	answer        []placed
	authority     []placed
	additional    []placed

	labels labels
}

func (r *reply) reset() {
	*r = reply{answer: r.answer[:0], authority: r.authority[:0], additional: r.additional[:0]}
}

// truncate removes all records from the reply.
func (r *reply) truncate() {
	r.truncated = true
	r.answer, r.authority, r.additional = r.answer[:0], r.authority[:0], r.additional[:0]
}

// lookup finds the answer to a question of class IN. qname is in lower case.
//
// It is the algorithm of RFC 1034 §4.3.2, with wildcards after RFC 4592 and
// DNAME after RFC 6672 §3.2:
//
//  1. Take the zone of the view that is nearest to the name; of a DS record,
//     the one above (RFC 4035 §3.1.4.1). If there is none, answer REFUSED.
//  2. Go down from the apex, label by label:
//     a. A node that delegates ends the walk with a referral.
//     b. A DNAME at a node above the name replaces that node's part of the name;
//     begin again with the new name.
//     c. If the next label does not exist, the current node is the closest
//     encloser. A wildcard directly below it stands in for the name; without
//     one the name does not exist.
//  3. At the name: a CNAME, unless the query is for one, is added, and the lookup
//     begins again with its target. The records of the type asked for are the
//     answer. If there are none, the name has no data of this type.
//
// The first name decides whether the query is answered, the last one decides the
// response code (RFC 6604 §3).
func (v *view) lookup(r *reply, qname name, qtype uint16) {
	r.authoritative = true
	for link := 0; link <= maxChain; link++ {
		z := v.zoneOf(&r.labels, qname, qtype)
		if link == 0 {
			r.zone = z
		}
		if z == nil && link == 0 {
			r.authoritative, r.rcode = false, dns.RcodeRefused
		}
		if z == nil || link > 0 && z.private {
			break // other servers have the rest of the chain
		}
		next := z.step(r, qname, qtype)
		if next == nil || r.answered(next) {
			break
		}
		qname = next
	}
	r.addAddresses(v)
}

// step answers for one name of a chain, and returns the next, or nil at the end of the
// chain.
func (z *zone) step(r *reply, qname name, qtype uint16) (next name) {
	n := z.apex
	for depth := r.labels.n - z.depth; depth > 0; depth-- {
		if n.dname != nil {
			return r.substitute(r.labels.suffix(qname, depth), n.dname, qname, qtype)
		}
		child := n.children.GetBytes(qname.label(r.labels.at[depth-1]))
		if child == nil {
			if n.wildcard == nil {
				r.rcode = dns.RcodeNameError
				r.authority = append(r.authority, placed{z.name, z.soa().negative})
				return nil
			}
			// RFC 4592 §4.2 does not define a delegation at a wildcard; like other
			// servers, we refer at the name asked for.
			child, depth = n.wildcard, 1
		}
		n = child
		if n.cut != nil && !(depth == 1 && qtype == dns.TypeDS) {
			r.refer(r.labels.suffix(qname, depth-1), n.cut)
			return nil
		}
	}
	return z.match(r, n, qname, qtype)
}

// match answers from the node that stands for qname.
func (z *zone) match(r *reply, n *node, qname name, qtype uint16) (next name) {
	set := n.set(qtype)
	switch {
	case set != nil:
	case qtype == dns.TypeSOA && n == z.apex:
		record := z.soa()
		if !record.known {
			r.authoritative, r.rcode = false, dns.RcodeServerFailure
			return nil
		}
		set = record.set
	case n.cname != nil:
		set, next = n.cname, n.cname.target
		if qtype == dns.TypeANY {
			next = nil
		}
	case qtype == dns.TypeANY && len(n.sets) > 0:
		set = n.sets[0] // any one RRset is an answer (RFC 8482 §4.1)
	default:
		r.authority = append(r.authority, placed{z.name, z.soa().negative})
		return nil
	}
	r.answer = append(r.answer, placed{qname, set})
	return next
}

// refer adds the delegation at owner. The answer stays authoritative if it already
// contains the gateway's own records, because its first name decides.
func (r *reply) refer(owner name, cut *rrset) {
	r.referral = true
	r.authoritative = len(r.answer) > 0
	r.authority = append(r.authority, placed{owner, cut})
}

// substitute adds the DNAME at owner, which is above qname, and the CNAME that
// follows from it (RFC 6672 §3.1), which is the answer to a query for a CNAME.
func (r *reply) substitute(owner name, dname *rrset, qname name, qtype uint16) (next name) {
	r.answer = append(r.answer, placed{owner, dname})
	prefix := qname[:len(qname)-len(owner)]
	if len(prefix)+len(dname.target) > maxName {
		r.rcode = dns.RcodeYXDomain // RFC 6672 §2.2
		return nil
	}
	next = slices.Concat(prefix, dname.target)
	r.answer = append(r.answer, placed{qname, synthesize(dname, next)})
	if qtype == dns.TypeCNAME || qtype == dns.TypeANY {
		return nil
	}
	return next
}

// answered reports whether the answer already contains records of this name, so that
// the chain is a loop.
func (r *reply) answered(owner name) bool {
	for _, p := range r.answer {
		if p.set.rtype != dns.TypeDNAME && string(p.owner) == string(owner) {
			return true
		}
	}
	return false
}

// addAddresses adds the addresses of the hosts in the answer or referral, if the view
// has them.
func (r *reply) addAddresses(v *view) {
	from := r.answer
	if r.referral {
		from = r.authority
	}
	for _, p := range from {
		for _, host := range p.set.hosts {
			if len(host) == 1 {
				host = p.owner
			}
			z := v.zoneOf(&r.labels, host, dns.TypeA)
			if z == nil || r.has(host) {
				continue
			}
			n := z.find(host)
			if n == nil {
				continue
			}
			for _, rtype := range [...]uint16{dns.TypeA, dns.TypeAAAA} {
				if set := n.set(rtype); set != nil {
					r.additional = append(r.additional, placed{host, set})
				}
			}
		}
	}
}

// has reports whether the additional section already has addresses of host.
func (r *reply) has(host name) bool {
	return slices.ContainsFunc(r.additional, func(p placed) bool { return string(p.owner) == string(host) })
}
