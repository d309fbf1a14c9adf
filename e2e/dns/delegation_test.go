//go:build debian

package dns_test

import (
	"fmt"
	"testing"
	"time"

	"gatelodge.dev/e2e/undertest"
	"github.com/miekg/dns"
)

// unknownType is one that no resolver has code for (RFC 6895 §3.1).
const unknownType = 65400

// TestResolversFindEverything: whatever type a resolver is asked for at
// whatever name of a delegated zone, it gets an answer that it accepts.
func TestResolversFindEverything(t *testing.T) {
	startGateway(t, gatewayAddress, "")
	types := []uint16{
		dns.TypeA, dns.TypeAAAA, dns.TypeCNAME, dns.TypeDNAME, dns.TypeTXT, dns.TypeHTTPS, dns.TypeSVCB, dns.TypeMX, dns.TypeSRV,
		dns.TypeCAA, dns.TypeNS, dns.TypeSOA, dns.TypeDS, dns.TypeDNSKEY, dns.TypePTR, dns.TypeNAPTR, dns.TypeTLSA, dns.TypeANY, unknownType,
	}
	names := []struct {
		name   string
		rcode  int
		answer uint16 // a type that is there
	}{
		{"pke.example.com.", dns.RcodeSuccess, dns.TypeNS},
		{"pke.example.com.", dns.RcodeSuccess, dns.TypeCAA},
		{"ns1.pke.example.com.", dns.RcodeSuccess, dns.TypeA},
		{"app.pke.example.com.", dns.RcodeSuccess, dns.TypeA},
		{"app.pke.example.com.", dns.RcodeSuccess, dns.TypeHTTPS},
		{"_owner.app.pke.example.com.", dns.RcodeSuccess, dns.TypeTXT},
		{"alias.pke.example.com.", dns.RcodeSuccess, dns.TypeCNAME},
		{"alias.pke.example.com.", dns.RcodeSuccess, dns.TypeA},
		{"outside.pke.example.com.", dns.RcodeSuccess, dns.TypeA},
		{"any.star.pke.example.com.", dns.RcodeSuccess, dns.TypeA},
		{"any.tree.pke.example.com.", dns.RcodeSuccess, dns.TypeA},
		{"nothing.pke.example.com.", dns.RcodeSuccess, 0}, // there are names below it
		{"one.below.nothing.pke.example.com.", dns.RcodeSuccess, dns.TypeA},
		{"mail.pke.example.com.", dns.RcodeSuccess, dns.TypeMX},
		{"_sip._tcp.pke.example.com.", dns.RcodeSuccess, dns.TypeSRV},
		{"fits.pke.example.com.", dns.RcodeSuccess, dns.TypeTXT},
		{"big.pke.example.com.", dns.RcodeSuccess, dns.TypeTXT}, // over TCP, for want of room
		{"nobody.pke.example.com.", dns.RcodeNameError, 0},
		{"nobody.at.all.pke.example.com.", dns.RcodeNameError, 0},
	}
	for _, r := range startResolvers(t) {
		t.Run(r.name, func(t *testing.T) {
			for _, test := range names {
				for _, qtype := range types {
					what := fmt.Sprintf("%s %s", test.name, dns.Type(qtype))
					// It may say SERVFAIL, and says so for a few seconds, where it got no CPU time.
					undertest.AwaitWithin(t, time.Minute, what+" to be "+dns.RcodeToString[test.rcode], func() error {
						reply, err := ask("tcp", r.address, test.name, qtype)
						if err == nil && (reply.Rcode != test.rcode || qtype == test.answer && !has(reply, qtype)) {
							err = fmt.Errorf("it is\n%v", reply)
						}
						return err
					})
				}
			}
		})
	}
}

// has reports whether the answer has a record of a type.
func has(reply *dns.Msg, qtype uint16) bool {
	for _, rr := range reply.Answer {
		if rr.Header().Rrtype == qtype {
			return true
		}
	}
	return false
}

// TestNewHostIsFoundSoon: resolvers were asked for a host before it existed and
// remember that it does not exist; they forget within the negative TTL.
func TestNewHostIsFoundSoon(t *testing.T) {
	g := startGateway(t, gatewayAddress, "")
	resolvers := startResolvers(t)
	const name = "late.and.deep.pke.example.com."
	for _, r := range resolvers {
		undertest.Await(t, r.name+" to say that there is no such host", func() error {
			reply, err := ask("udp", r.address, name, dns.TypeA)
			if err == nil && reply.Rcode != dns.RcodeNameError {
				err = fmt.Errorf("it says\n%v", reply)
			}
			return err
		})
	}
	g.publish(t, "late", "late.and.deep.pke.example.com")
	const limit = 45 * time.Second // the negative TTL is 5 s by default, all others are a minute and more
	for _, r := range resolvers {
		undertest.AwaitWithin(t, limit, r.name+" to find the new host", func() error {
			reply, err := ask("udp", r.address, name, dns.TypeA)
			if err == nil && !has(reply, dns.TypeA) {
				err = fmt.Errorf("%v", reply)
			}
			return err
		}, g)
	}
}

// TestTruncated: what does not fit is marked so, and whole over TCP and TLS.
func TestTruncated(t *testing.T) {
	g := startGateway(t, gatewayAddress, "")
	reply, err := ask("udp", g.address, "big.pke.example.com.", dns.TypeTXT)
	if err != nil || !reply.Truncated {
		t.Errorf("UDP: %v\n%v, want it truncated", err, reply)
	}
	reply, err = ask("tcp", g.address, "big.pke.example.com.", dns.TypeTXT)
	if err != nil || reply.Truncated || len(reply.Answer) != 20 {
		t.Errorf("TCP: %v\n%v, want 20 records", err, reply)
	}
	out, err := output(t, "dig", "@"+g.address.String(), "+tls", "big.pke.example.com.", "TXT")
	if err != nil || countLines(out, "\tTXT\t\"") != 20 {
		t.Errorf("TLS: %v\n%s, want 20 records", err, out)
	}
}
