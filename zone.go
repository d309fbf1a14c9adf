package gatelodge

import (
	"net/netip"
	"time"
)

// View is one of several trees of names, served on the listeners that name it.
// Host.In says which Hosts are in a view.
type View struct {
	Name      string
	Addresses []netip.Addr // what granted hosts resolve to in this view; sorted
	Clients   Networks     // the clients it serves; nil: all
	Zones     []*Zone      // sorted by Name.Compare
}

// IsFor reports whether the view serves the client. A nil View serves no client.
func (v *View) IsFor(client netip.Addr) bool {
	return v != nil && (v.Clients == nil || v.Clients.Contains(client.Unmap()))
}

// Zone is the content of one zone in one view, without its SOA record. The DNS
// server makes the SOA record from these fields and a serial that changes with the
// content.
type Zone struct {
	Name        Name
	Primary     Name          // SOA MNAME: the first name server
	Hostmaster  string        // SOA RNAME in master-file form: the "@" becomes a dot, and dots before it are escaped
	TTL         time.Duration // of the SOA record, in whole seconds
	NegativeTTL time.Duration // SOA MINIMUM (RFC 2308 §4), in whole seconds
	Nodes       Map[Name, *Node]
	Private     bool // served only to clients that may transfer it: a catalog zone (RFC 9432)
}

// Node is a name in a zone, with its records. A Node without records still exists:
// no wildcard answers for it or for names below it (RFC 4592 §2.2.1).
type Node struct {
	Name    Name
	Records []Record // sorted by type, then data
}

// NodeMap returns a Map of the nodes by name.
func NodeMap(nodes ...*Node) Map[Name, *Node] {
	return mapOf(nodes, func(n *Node) Name { return n.Name })
}

// Record is one resource record of class IN. It is kept as text so that the
// compiler needs no knowledge of DNS messages.
type Record struct {
	Name Name
	Type string        // mnemonic: "A", "CNAME", …
	TTL  time.Duration // whole seconds; the same for all records of one name and type (RFC 2181 §5.2)
	Data string        // RDATA in master-file form (RFC 1035 §5.1), names absolute
}
