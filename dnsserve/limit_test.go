package dnsserve

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestLimitIsOfANetwork: as many replies a second as allowed, the others lost
// or truncated by turns, and nobody else is concerned.
func TestLimitIsOfANetwork(t *testing.T) {
	l := newLimiter()
	start := time.Unix(1000, 0)
	judge := func(client string, rate, n int, at time.Time) (got [3]int) {
		for range n {
			got[l.judge(netip.MustParseAddr(client), rate, at)]++
		}
		return got
	}
	for _, step := range []struct {
		what   string
		client string
		n      int
		after  time.Duration
		want   [3]int // sent, truncated, dropped
	}{
		{"the rate at once", "192.0.2.1", 10, 0, [3]int{10, 0, 0}},
		{"more from the network", "192.0.2.200", 10, 0, [3]int{0, 5, 5}},
		{"another network", "192.0.3.1", 10, 0, [3]int{10, 0, 0}},
		{"half a second later", "192.0.2.1", 10, 500 * time.Millisecond, [3]int{5, 3, 2}},
		{"long after", "192.0.2.1", 30, time.Hour, [3]int{10, 10, 10}},
		{"IPv6", "2001:db8::1", 10, 0, [3]int{10, 0, 0}},
		{"its neighbour", "2001:db8:0:ff::1", 10, 0, [3]int{0, 5, 5}},
		{"a network further", "2001:db8:0:100::1", 10, 0, [3]int{10, 0, 0}},
		{"IPv4 over a socket for both", "::ffff:192.0.3.9", 10, 0, [3]int{0, 5, 5}},
	} {
		got := judge(step.client, 10, step.n, start.Add(step.after))
		if got[send] != step.want[send] || got[sendTruncated]+got[drop] != step.n-step.want[send] ||
			got[sendTruncated] < step.n/slip/2-step.want[send] {
			t.Errorf("%s: %v, want %v", step.what, got, step.want)
		}
	}
}

// TestLimitedReplies: what is sent over the limit is small and makes a client
// that is real come back by TCP, which is not limited. One that proves its
// address with a cookie isn't either.
func TestLimitedReplies(t *testing.T) {
	r := testResponder(exampleZone(t))
	r.limiter = newLimiter()
	r.table().rateLimit = 1
	client, now := netip.MustParseAddr("192.0.2.7"), time.Unix(1000, 0)
	plain := plainQuery(t, "www.example.", dns.TypeA)
	ask := func(wire []byte, via transport) *dns.Msg {
		t.Helper()
		out := r.respond(nil, wire, client, via, now)
		if out == nil {
			return nil
		}
		m := new(dns.Msg)
		if err := m.Unpack(out); err != nil {
			t.Fatal(err)
		}
		return m
	}
	withCookie := func(c string) []byte {
		return plainQuery(t, "www.example.", dns.TypeA, withEDNS(1232, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: c}))
	}
	first := ask(withCookie("0102030405060708"), overUDP)
	if first == nil || len(first.Answer) != 1 {
		t.Fatalf("the first reply is %v", first)
	}
	whole, truncated, dropped := 0, 0, 0
	for range 20 {
		switch m := ask(plain, overUDP); {
		case m == nil:
			dropped++
		case m.Truncated && len(m.Answer)+len(m.Ns)+len(m.Extra) == 0:
			truncated++
		default:
			whole++
		}
	}
	if whole != 0 || truncated != 10 || dropped != 10 {
		t.Errorf("over the limit %d whole, %d truncated, %d dropped", whole, truncated, dropped)
	}
	if m := ask(plain, overTCP); m == nil || len(m.Answer) != 1 {
		t.Errorf("over TCP: %v", m)
	}
	given := first.IsEdns0().Option[0].(*dns.EDNS0_COOKIE).Cookie
	for range 5 {
		if m := ask(withCookie(given), overUDP); m == nil || len(m.Answer) != 1 {
			t.Errorf("with a cookie: %v", m)
		}
	}
}

// TestFloodLeavesOthersAlone: one network that asks for random names without
// end keeps nobody else from being answered.
func TestFloodLeavesOthersAlone(t *testing.T) {
	snapshot := snapshotOf(testZone(t, "example", "@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.1"))
	snapshot.Settings.DNS.RateLimit = 50
	s, _ := startServer(t, Config{}, snapshot)
	server := net.UDPAddrFromAddrPort(s.Addr("dns"))
	from := func(address string) *net.UDPConn {
		t.Helper()
		c, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(address)}, server)
		if err != nil {
			t.Skipf("this system has only one loopback address: %v", err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	flood, honest := from("127.0.0.1"), from("127.9.9.9")
	const asked = 2000
	for i := range asked {
		if _, err := flood.Write(plainQuery(t, fmt.Sprintf("x%d.example.", i), dns.TypeA)); err != nil {
			t.Fatal(err)
		}
		if i%100 == 0 {
			reply, err := dns.ExchangeConn(honest, new(dns.Msg).SetQuestion("www.example.", dns.TypeA))
			if err != nil || len(reply.Answer) != 1 {
				t.Fatalf("after %d queries of the flood: %v, %v", i, reply, err)
			}
		}
	}
	replies, buf := 0, make([]byte, maxUDP)
	for {
		// The last reply is long here when the honest client has its own.
		if err := flood.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := flood.Read(buf); err != nil {
			break
		}
		replies++
	}
	if replies > asked*3/4 {
		t.Errorf("%d of %d queries of the flood are answered", replies, asked)
	}
}
