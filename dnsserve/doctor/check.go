package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
)

// check is the check of one zone.
type check struct {
	client
	zone  *gatelodge.Zone
	found *gatelodge.Delegation
}

func (c *check) run(ctx context.Context) *gatelodge.Delegation {
	c.found = &gatelodge.Delegation{Zone: c.zone.Name, At: time.Now().UTC().Truncate(time.Second)}
	parents, err := c.parents(ctx)
	if err == nil {
		err = c.askParents(ctx, parents)
	}
	if err != nil {
		c.found.Error = err.Error()
	}
	return c.found
}

func (c *check) find(kind gatelodge.FindingKind, do, format string, args ...any) {
	c.found.Findings = append(c.found.Findings, gatelodge.Finding{Kind: kind, Text: fmt.Sprintf(format, args...), Do: do})
}

// maxServers limits the number of servers of a zone that are asked.
const maxServers = 8

// parents finds the servers of the parent zone.
func (c *check) parents(ctx context.Context) (servers []string, err error) {
	if len(c.Parents) > 0 {
		c.found.Parent = c.zone.Name.Parent()
		return c.Parents, nil
	}
	for above := c.zone.Name.Parent(); ; above = above.Parent() {
		r, err := c.resolve(ctx, above, dns.TypeNS)
		if err != nil {
			return nil, fmt.Errorf("the zone above is not found: %w", err)
		}
		for _, rr := range r.Answer {
			if ns, ok := rr.(*dns.NS); ok && len(servers) < maxServers {
				servers = append(servers, c.addresses(ctx, nameOf(ns.Ns))...)
			}
		}
		if len(servers) > 0 {
			c.found.Parent = above
			return servers[:min(len(servers), maxServers)], nil
		}
		if above == "" {
			return nil, errors.New("the zone above is not found: the resolvers know no name servers of it")
		}
	}
}

// askParents asks the servers of the parent zone until one answers.
func (c *check) askParents(ctx context.Context, servers []string) (err error) {
	for _, server := range servers {
		var r *dns.Msg
		if r, err = c.ask(ctx, server, c.zone.Name, dns.TypeNS, false); err != nil {
			continue
		}
		if r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeNameError {
			err = fmt.Errorf("%s, a server of the zone above, answers %s", server, dns.RcodeToString[r.Rcode])
			continue
		}
		c.read(r)
		c.compare()
		c.askDS(ctx, server)
		c.askServers(ctx)
		return nil
	}
	return err
}

// read takes the delegation from an answer: from the authority section of a referral,
// or from the answer of a server that has both zones.
func (c *check) read(r *dns.Msg) {
	for _, rr := range slices.Concat(r.Answer, r.Ns) {
		if ns, ok := rr.(*dns.NS); ok && nameOf(ns.Hdr.Name) == c.zone.Name && !slices.Contains(c.found.Servers, nameOf(ns.Ns)) {
			c.found.Servers = append(c.found.Servers, nameOf(ns.Ns))
		}
	}
	slices.SortFunc(c.found.Servers, gatelodge.Name.Compare)
	for _, rr := range r.Extra {
		h := rr.Header()
		if address, ok := addressOf(rr); ok && slices.Contains(c.found.Servers, nameOf(h.Name)) {
			c.found.Glue = append(c.found.Glue, gatelodge.Record{
				Name: nameOf(h.Name), Type: dns.Type(h.Rrtype).String(), TTL: time.Duration(h.Ttl) * time.Second, Data: address.String(),
			})
		}
	}
}

// compare compares the delegation with the zone.
func (c *check) compare() {
	ours := c.servers()
	above := cmp.Or(string(c.found.Parent), "the root")
	if len(c.found.Servers) == 0 {
		c.find(gatelodge.NotDelegated, fmt.Sprintf("have the operators of %s add: %s", above, strings.Join(c.wanted(ours), "; ")),
			"zone %s is not delegated: the servers of %s have no NS records for it, so no resolver finds this gateway", c.zone.Name, above)
		return
	}
	if !slices.Equal(ours, c.found.Servers) {
		c.find(gatelodge.WrongServers, fmt.Sprintf("have the operators of %s change them, or correct nameservers of the zone", above),
			"the servers of %s delegate zone %s to %s, and its own NS records are %s", above, c.zone.Name, names(c.found.Servers), names(ours))
	}
	for _, server := range ours {
		if !server.Within(c.zone.Name) || !slices.Contains(c.found.Servers, server) {
			continue // its addresses are in another zone
		}
		want, have := c.addressesOf(server), c.glueOf(server)
		switch {
		case len(have) == 0:
			c.find(gatelodge.WrongGlue, fmt.Sprintf("have the operators of %s add the addresses: %s", above, join(want)),
				"the servers of %s have no address (glue) of %s, which is inside zone %s and so can't be found without", above, server, c.zone.Name)
		case len(want) > 0 && !slices.Equal(want, have):
			c.find(gatelodge.WrongGlue, fmt.Sprintf("have the operators of %s change the addresses to %s", above, join(want)),
				"the servers of %s say that %s has the addresses %s, and the zone says %s", above, server, join(have), join(want))
		}
	}
}

// wanted returns the records that the parent zone should have.
func (c *check) wanted(ours []gatelodge.Name) (records []string) {
	for _, server := range ours {
		records = append(records, fmt.Sprintf("%s. NS %s.", c.zone.Name, server))
	}
	for _, server := range ours {
		if server.Within(c.zone.Name) {
			for _, address := range c.addressesOf(server) {
				kind := "A"
				if address.Is6() {
					kind = "AAAA"
				}
				records = append(records, fmt.Sprintf("%s. %s %s", server, kind, address))
			}
		}
	}
	return records
}

// servers returns the NS records of the zone, sorted.
func (c *check) servers() (ours []gatelodge.Name) {
	if apex := c.zone.Nodes.Get(c.zone.Name); apex != nil {
		for _, r := range apex.Records {
			if r.Type == "NS" {
				ours = append(ours, nameOf(r.Data))
			}
		}
	}
	slices.SortFunc(ours, gatelodge.Name.Compare)
	return ours
}

// addressesOf returns the zone's addresses of a name, sorted.
func (c *check) addressesOf(name gatelodge.Name) (addresses []netip.Addr) {
	if node := c.zone.Nodes.Get(name); node != nil {
		for _, r := range node.Records {
			if address, err := netip.ParseAddr(r.Data); err == nil && (r.Type == "A" || r.Type == "AAAA") {
				addresses = append(addresses, address)
			}
		}
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	return addresses
}

func (c *check) glueOf(name gatelodge.Name) (addresses []netip.Addr) {
	for _, r := range c.found.Glue {
		if address, err := netip.ParseAddr(r.Data); err == nil && r.Name == name && !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	return addresses
}

// askDS looks for a DS record, because of which resolvers reject every answer of a zone
// that is not signed (RFC 4035 §5.2).
func (c *check) askDS(ctx context.Context, server string) {
	r, err := c.ask(ctx, server, c.zone.Name, dns.TypeDS, false)
	if err != nil {
		return // the next round tries again
	}
	for _, rr := range r.Answer {
		if ds, ok := rr.(*dns.DS); ok && nameOf(ds.Hdr.Name) == c.zone.Name {
			c.found.Signed = true
		}
	}
	signed := false
	if apex := c.zone.Nodes.Get(c.zone.Name); apex != nil {
		signed = slices.ContainsFunc(apex.Records, func(r gatelodge.Record) bool { return r.Type == "DNSKEY" })
	}
	if c.found.Signed && !signed {
		above := cmp.Or(string(c.found.Parent), "the root")
		c.find(gatelodge.UnsignedDS, fmt.Sprintf("have the operators of %s remove the DS record", above),
			"the servers of %s have a DS record for zone %s, which is not signed, so resolvers that validate refuse all of its answers", above, c.zone.Name)
	}
}

// askServers asks each server in the delegation for the SOA record.
func (c *check) askServers(ctx context.Context) {
	for i, server := range c.found.Servers {
		if i == maxServers {
			return
		}
		var at []string
		for _, address := range c.glueOf(server) {
			at = append(at, net.JoinHostPort(address.String(), c.port))
		}
		if len(at) == 0 {
			at = c.addresses(ctx, server)
		}
		if len(at) == 0 {
			c.find(gatelodge.LameServer, "give the name an address, or take it out of the delegation", "server %s, to which zone %s is delegated, has no address", server, c.zone.Name)
		}
		for _, address := range at[:min(len(at), maxServers)] {
			if why := c.lame(ctx, address); why != "" {
				c.find(gatelodge.LameServer, "see why the server does not answer (addresses, firewalls for port 53 UDP and TCP, the zone at secondaries), or take it out of the delegation",
					"server %s, to which zone %s is delegated, is lame: %s", server, c.zone.Name, why)
			}
		}
	}
}

// lame returns why a server does not answer for the zone, or "".
func (c *check) lame(ctx context.Context, address string) string {
	r, err := c.ask(ctx, address, c.zone.Name, dns.TypeSOA, false)
	switch {
	case err != nil:
		return err.Error()
	case r.Rcode != dns.RcodeSuccess:
		return fmt.Sprintf("%s answers %s", address, dns.RcodeToString[r.Rcode])
	case !r.Authoritative || len(r.Answer) == 0:
		return address + " answers, but not with authority"
	}
	return ""
}

func names(list []gatelodge.Name) string {
	texts := make([]string, len(list))
	for i, n := range list {
		texts[i] = string(n)
	}
	return strings.Join(texts, ", ")
}

func join(addresses []netip.Addr) string {
	texts := make([]string, len(addresses))
	for i, a := range addresses {
		texts[i] = a.String()
	}
	return strings.Join(texts, ", ")
}
