package dnsserve

import (
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
