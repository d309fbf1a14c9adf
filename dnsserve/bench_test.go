package dnsserve

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// benchmarkZone is a zone of that many names with an address each.
func benchmarkZone(tb testing.TB, names int) *zone {
	tb.Helper()
	var text strings.Builder
	text.WriteString("pke.example.com. 60 IN SOA ns1.pke.example.com. hostmaster.example.com. 1 14400 3600 1209600 5\n" +
		"pke.example.com. 60 IN NS ns1.pke.example.com.\nns1.pke.example.com. 60 IN A 192.0.2.53\n" +
		"*.wild.pke.example.com. 60 IN A 192.0.2.2\nalias.pke.example.com. 60 IN CNAME host0.pke.example.com.\n")
	for i := range names {
		fmt.Fprintf(&text, "host%d.pke.example.com. 60 IN A 192.0.2.1\n", i)
	}
	z, err := loadZone(text.String())
	if err != nil {
		tb.Fatal(err)
	}
	return z
}

// plainQuery is a query in wire form.
func plainQuery(tb testing.TB, qname string, qtype uint16, change ...func(*dns.Msg)) []byte {
	tb.Helper()
	m := new(dns.Msg)
	m.SetQuestion(qname, qtype)
	for _, f := range change {
		f(m)
	}
	wire, err := m.Pack()
	if err != nil {
		tb.Fatal(err)
	}
	return wire
}

// withEverything asks for all that EDNS offers.
func withEverything(m *dns.Msg) {
	m.SetEdns0(4096, true)
	opt := m.IsEdns0()
	opt.Option = append(opt.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID}, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"})
}

// queriesOfAllKinds are what a server meets day in, day out.
func queriesOfAllKinds(tb testing.TB) map[string][]byte {
	return map[string][]byte{
		"positive":       plainQuery(tb, "host17.pke.example.com.", dns.TypeA),
		"nxdomain":       plainQuery(tb, "none.pke.example.com.", dns.TypeA),
		"nodata":         plainQuery(tb, "host17.pke.example.com.", dns.TypeAAAA),
		"wildcard":       plainQuery(tb, "a.b.wild.pke.example.com.", dns.TypeA),
		"cname":          plainQuery(tb, "alias.pke.example.com.", dns.TypeA),
		"name servers":   plainQuery(tb, "pke.example.com.", dns.TypeNS),
		"elsewhere":      plainQuery(tb, "www.example.org.", dns.TypeA, withEverything),
		"everything":     plainQuery(tb, "host17.pke.example.com.", dns.TypeA, withEverything),
		"malformed":      plainQuery(tb, "host17.pke.example.com.", dns.TypeA)[:20],
		"signed":         plainQuery(tb, "host17.pke.example.com.", dns.TypeA, func(m *dns.Msg) { m.SetTsig("key.", dns.HmacSHA256, 300, 1e9) }),
		"another opcode": plainQuery(tb, "pke.example.com.", dns.TypeSOA, func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }),
	}
}

// TestNoAllocation: answering allocates nothing, whatever is asked.
func TestNoAllocation(t *testing.T) {
	r := testResponder(benchmarkZone(t, 100))
	r.identity, r.table().nsid = "gatelodge-0", true
	client, now := netip.MustParseAddr("192.0.2.7"), time.Now()
	out := make([]byte, 0, maxUDP)
	for kind, wire := range queriesOfAllKinds(t) {
		if n := testing.AllocsPerRun(100, func() { r.respond(out, wire, client, overUDP, now); r.observe(0) }); n != 0 {
			t.Errorf("%s: %v allocations a query", kind, n)
		}
	}
}

// TestNoAllocationOnTheSocket: nor does receiving and sending.
func TestNoAllocationOnTheSocket(t *testing.T) {
	s := testUDP(t, "127.0.0.1:0", nil)
	defer s.close()
	c, err := net.DialUDP("udp", nil, s.sockets[0].LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, other := range s.sockets[1:] {
		other.Close() // every client is given to the one that stays open
	}
	b, err := newBatch(s.sockets[0])
	if err != nil {
		t.Fatal(err)
	}
	r, wire, in := testResponder(benchmarkZone(t, 100)), plainQuery(t, "host17.pke.example.com.", dns.TypeA), make([]byte, maxUDP)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := c.Write(wire); err != nil {
			t.Fatal(err)
		}
		n, err := b.receive(false)
		if err != nil {
			t.Fatal(err)
		}
		r.answerBatch(b, n, time.Now())
		if err := b.send(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(in); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

func BenchmarkRespond(b *testing.B) {
	r := testResponder(benchmarkZone(b, 1000))
	client, now := netip.MustParseAddr("192.0.2.7"), time.Now()
	out := make([]byte, 0, maxUDP)
	for kind, wire := range queriesOfAllKinds(b) {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				r.respond(out, wire, client, overUDP, now)
				r.observe(0)
			}
		})
	}
}
