package doctor

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
)

// client sends the queries of a check.
type client struct {
	Settings
	port string // of name servers
}

// Limits of a query.
const (
	queryTime = 3 * time.Second
	queryUDP  = 1232 // octets of an answer
)

// ask sends one question to a server, over UDP, and over TCP if the answer does not
// fit. recursive is for resolvers.
func (c client) ask(ctx context.Context, server string, name gatelodge.Name, qtype uint16, recursive bool) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(string(name)), qtype)
	m.RecursionDesired = recursive
	m.SetEdns0(queryUDP, false)
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	udp := &dns.Client{Timeout: queryTime, UDPSize: queryUDP}
	r, _, err := udp.ExchangeContext(ctx, m, server)
	if err == nil && r.Truncated {
		tcp := &dns.Client{Net: "tcp", Timeout: queryTime}
		r, _, err = tcp.ExchangeContext(ctx, m, server)
	}
	if err != nil {
		return nil, fmt.Errorf("%s does not answer: %w", server, err)
	}
	return r, nil
}

// resolve asks the resolvers, one after the other until one answers.
func (c client) resolve(ctx context.Context, name gatelodge.Name, qtype uint16) (r *dns.Msg, err error) {
	for _, resolver := range c.Resolvers {
		if r, err = c.ask(ctx, resolver, name, qtype, true); err == nil && (r.Rcode == dns.RcodeSuccess || r.Rcode == dns.RcodeNameError) {
			return r, nil
		}
		if err == nil {
			err = fmt.Errorf("%s answers %s", resolver, dns.RcodeToString[r.Rcode])
		}
	}
	return nil, err
}

// addresses returns the addresses of a server, as resolvers know them.
func (c client) addresses(ctx context.Context, name gatelodge.Name) (servers []string) {
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		r, err := c.resolve(ctx, name, qtype)
		if err != nil {
			continue
		}
		for _, rr := range r.Answer {
			if address, ok := addressOf(rr); ok {
				servers = append(servers, net.JoinHostPort(address.String(), c.port))
			}
		}
	}
	return servers
}

// addressOf returns the address in an A or AAAA record.
func addressOf(rr dns.RR) (netip.Addr, bool) {
	switch rr := rr.(type) {
	case *dns.A:
		address, ok := netip.AddrFromSlice(rr.A.To4())
		return address, ok
	case *dns.AAAA:
		return netip.AddrFromSlice(rr.AAAA.To16())
	}
	return netip.Addr{}, false
}

// nameOf returns the name in a record.
func nameOf(text string) gatelodge.Name {
	name, err := gatelodge.ParseName(text)
	if err != nil {
		return ""
	}
	return name
}
