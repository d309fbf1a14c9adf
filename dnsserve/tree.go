package dnsserve

import (
	"slices"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/dnsserve/versions"
)

// node is a name that exists in a zone: it has records, or exists without any, or is an
// empty non-terminal because a name below it exists (RFC 8499 §7). It is immutable: a
// change makes new nodes from there up to the apex, and shares all others.
type node struct {
	stands   bool                             // the zone has a gatelodge.Node of this name
	sets     []*rrset                         // by type
	children gatelodge.HashMap[string, *node] // by label; below an apex there may be many
	wildcard *node                            // the child "*", which matches the names below that don't exist

	// Records that a lookup needs on its way down.
	cut   *rrset // NS: below the apex, a delegation
	dname *rrset
	cname *rrset
}

// set returns the records of this type, or nil.
func (n *node) set(rtype uint16) *rrset {
	for _, s := range n.sets {
		if s.rtype == rtype {
			return s
		}
	}
	return nil
}

// empty reports whether the node need not exist.
func (n *node) empty() bool { return !n.stands && n.children.Empty() }

// withSets returns a copy of n with these records.
func (n *node) withSets(sets []*rrset) *node {
	c := *n
	c.sets, c.cut, c.dname, c.cname = sets, nil, nil, nil
	for _, s := range sets {
		switch s.rtype {
		case dns.TypeNS:
			c.cut = s
		case dns.TypeDNAME:
			c.dname = s
		case dns.TypeCNAME:
			c.cname = s
		}
	}
	return &c
}

// withChild returns a copy of n with this child; one that is empty is left out.
func (n *node) withChild(label string, child *node) *node {
	if child.empty() {
		child = nil
	}
	c := *n
	c.children = n.children.With(label, child)
	if label == "*" {
		c.wildcard = child
	}
	return &c
}

// put returns the tree under n with exactly these sets at owner; the first depth of its
// labels l are below n. If owner does not stand, it is removed, with the names above it
// that need not exist any more.
func (n *node) put(owner name, l *labels, depth int, stands bool, sets []*rrset) *node {
	if depth == 0 {
		n = n.withSets(sets)
		n.stands = stands
		return n
	}
	label := string(owner.label(l.at[depth-1]))
	child := n.children.Get(label)
	if child == nil {
		child = &node{}
	}
	return n.withChild(label, child.put(owner, l, depth-1, stands, sets))
}

// walk calls f for every node that stands, the apex first and then in the
// canonical order of names (RFC 4034 §6.1).
func (n *node) walk(owner name, f func(owner name, n *node)) {
	if n.stands {
		f(owner, n)
	}
	var labels []string
	for label := range n.children.All() {
		labels = append(labels, label)
	}
	slices.Sort(labels)
	for _, label := range labels {
		below := slices.Concat(name{byte(len(label))}, name(label), owner)
		n.children.Get(label).walk(below, f)
	}
}

// zone is a zone in one view: its tree, without the SOA record.
type zone struct {
	key    versions.Key
	source *gatelodge.Zone // what it was compiled from
	name   name
	depth  int // labels in name
	apex   *node

	authority *authority // the SOA record
	private   bool       // only clients that may transfer it can query it

	stats *zoneStats // nil: not counted
}

// soa returns the current SOA record.
func (z *zone) soa() *soa { return z.authority.current.Load() }

func (z *zone) setName(n name) {
	var l labels
	l.split(n)
	z.name, z.depth = n, l.n
}

// put returns the zone's tree with sets at owner, which is in the zone.
func (z *zone) put(apex *node, owner name, stands bool, sets []*rrset) *node {
	var l labels
	l.split(owner)
	return apex.put(owner, &l, l.n-z.depth, stands, sets)
}

// find returns the node of this name, or nil. It ignores delegations: below one it
// finds the glue.
func (z *zone) find(owner name) *node {
	if !owner.within(z.name) {
		return nil
	}
	var l labels
	l.split(owner)
	n := z.apex
	for depth := l.n - z.depth; depth > 0 && n != nil; depth-- {
		n = n.children.GetBytes(owner.label(l.at[depth-1]))
	}
	return n
}
