package dnsserve

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestTruncation: a reply is never longer than the client takes, holds RRsets
// whole, and says so if one that matters is missing (RFC 2181 §9, RFC 9471).
func TestTruncation(t *testing.T) {
	text := "example. 60 IN SOA ns1.example. hostmaster.example. 7 14400 3600 1209600 5\n" +
		"example. 60 IN NS ns1.example.\nns1.example. 60 IN A 192.0.2.53\nmail.example. 60 IN MX 10 big.example.\n" +
		"some.example. 60 IN CNAME big.example.\n"
	for i := range 60 {
		text += fmt.Sprintf("big.example. 60 IN A 192.0.2.%d\nsmall.example. 60 IN A 192.0.2.%d\n", i, i%31)
	}
	for i := range 12 {
		text += fmt.Sprintf("sub.example. 60 IN NS ns%d.sub.example.\nns%d.sub.example. 60 IN AAAA 2001:db8::%d\n", i, i, i)
		text += fmt.Sprintf("other.example. 60 IN NS ns%d.sub.example.\n", i)
	}
	z, err := loadZone(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		qname     string
		size      int // 0: no EDNS
		answers   int
		truncated bool
	}{
		{"small.example.", 0, 0, true},
		{"small.example.", 512, 0, true},
		{"small.example.", 1232, 31, false},
		{"big.example.", 512, 0, true},
		{"big.example.", 1232, 60, false},
		{"big.example.", 65535, 60, false},
		{"some.example.", 512, 1, true},
		{"mail.example.", 512, 1, false}, // the addresses are a courtesy
		{"www.sub.example.", 512, 0, true},
		{"www.sub.example.", 1232, 0, false},
	} {
		m := new(dns.Msg)
		m.SetQuestion(test.qname, dns.TypeA)
		if test.qname == "mail.example." {
			m.Question[0].Qtype = dns.TypeMX
		}
		if test.size > 0 {
			withEDNS(uint16(test.size), &dns.EDNS0_NSID{Code: dns.EDNS0NSID})(m)
		}
		r := testResponder(z)
		r.identity, r.table().nsid = strings.Repeat("x", 40), true
		wire, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		out := r.respond(nil, wire, netip.MustParseAddr("192.0.2.7"), overUDP, time.Now())
		if limit := min(max(test.size, 512), maxUDP); len(out) > limit {
			t.Errorf("%s size %d: %d octets", test.qname, test.size, len(out))
		}
		reply := exchange(t, r, m, overUDP)
		if len(reply.Answer) != test.answers || reply.Truncated != test.truncated {
			t.Errorf("%s size %d: %d answers, TC %v, want %d, %v", test.qname, test.size, len(reply.Answer), reply.Truncated, test.answers, test.truncated)
		}
		if (reply.IsEdns0() != nil) != (test.size > 0) {
			t.Errorf("%s size %d: OPT %v", test.qname, test.size, reply.IsEdns0())
		}
		if whole := exchange(t, r, m, overTCP); whole.Truncated {
			t.Errorf("%s is truncated over TCP", test.qname)
		}
	}
}
