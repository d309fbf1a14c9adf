package gatelodge

import (
	"net/netip"
	"time"
)

// View is one of several trees of names: what is served on its listeners. Which Hosts
// are in it says Host.In.
type View struct {
	Name      string
	Addresses []netip.Addr // what granted hosts resolve to in this view; sorted
	Clients   Networks     // that it is for; nil: for all
	Zones     []*Zone      // sorted by Name.Compare
}

// IsFor reports whether the view is for a client. The view may be nil, and is for
// none then.
func (v *View) IsFor(client netip.Addr) bool {
	return v != nil && (v.Clients == nil || v.Clients.Contains(client.Unmap()))
}

// Zone is the content of one zone in one view, except for its SOA record, which the
// DNS server makes from these fields and a serial that changes with the content.
type Zone struct {
	Name        Name
	Primary     Name          // SOA MNAME: the first name server
	Hostmaster  string        // SOA RNAME in master-file form: the "@" is a dot, a dot before it is escaped
	TTL         time.Duration // of the SOA record, whole seconds
	NegativeTTL time.Duration // SOA MINIMUM (RFC 2308 §4), whole seconds
	Nodes       Map[Name, *Node]
	Private     bool // it is for those who may transfer it only: a catalog of zones (RFC 9432)
}

// Node is a name in a zone that owns records. One without records exists all the
// same: no wildcard answers for it, nor for names below it (RFC 4592 §2.2.1).
type Node struct {
	Name    Name
	Records []Record // sorted by type, then data
}

// NodeMap returns these nodes by name.
func NodeMap(nodes ...*Node) Map[Name, *Node] {
	return mapOf(nodes, func(n *Node) Name { return n.Name })
}

// Record is one resource record of class IN. It is text, because
// compiling needs to know nothing of DNS messages.
type Record struct {
	Name Name
	Type string        // mnemonic: "A", "CNAME", …
	TTL  time.Duration // whole seconds; equal for the records of one name and type (RFC 2181 §5.2)
	Data string        // RDATA in master-file form (RFC 1035 §5.1), names absolute
}
