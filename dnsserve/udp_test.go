package dnsserve

import (
	"context"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
)

// TestDrainReadsSocketsEmpty: every query that had arrived when draining began
// is answered, over several batches.
func TestDrainReadsSocketsEmpty(t *testing.T) {
	z := exampleZone(t)
	s := testUDP(t, "127.0.0.1:0", func() *responder { return testResponder(z) })
	const n = 150
	c, err := net.DialUDP("udp", nil, s.sockets[0].LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range n {
		if _, err := c.Write(numberedQuery(t, i)); err != nil {
			t.Fatal(err)
		}
	}
	s.drain()
	if err := s.serve(); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	seen := make(map[uint16]bool)
	buf := make([]byte, maxUDP)
	for len(seen) < n {
		size, err := c.Read(buf)
		if err != nil {
			t.Fatalf("after %d of %d replies: %v", len(seen), n, err)
		}
		var m dns.Msg
		if err := m.Unpack(buf[:size]); err != nil || seen[m.Id] || len(m.Answer) != 1 {
			t.Fatalf("%v: %v", err, m)
		}
		seen[m.Id] = true
	}
}

// TestShutdownEndsServe, with clients of both kinds around.
func TestShutdownEndsServe(t *testing.T) {
	var live gatelodge.Live
	s := New(&live, Config{})
	live.Swap(snapshotOf(testZone(t, "example", "@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.1")))
	if err := s.Listen(gatelodge.Listener{Name: "dns", Protocol: gatelodge.DNS, Address: "127.0.0.1:0", Views: []string{"default"}}); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	addr := s.Addr("dns")
	open := dial(t, addr.String())
	if _, err := open.Write(framed(numberedQuery(t, 0))); err != nil {
		t.Fatal(err)
	}
	readReplies(t, open, 1)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := open.Read(make([]byte, 1)); err == nil {
		t.Error("a connection is still open")
	}
	// To connect would not tell: another program may have got the port meanwhile.
	for _, service := range s.listeners[0].services {
		if tcp, ok := service.(*tcpServer); ok && tcp.listener.(*net.TCPListener).SetDeadline(time.Time{}) == nil {
			t.Error("connections are still accepted")
		}
	}
}

// TestRepliesLeaveFromTheAddressAsked: a server on every address answers from
// the one that a client chose, or the client would not take it for the reply.
func TestRepliesLeaveFromTheAddressAsked(t *testing.T) {
	if !canShareAddress {
		t.Skipf("%s leaves the choice of the source address to the system", runtime.GOOS)
	}
	snapshot := snapshotOf(testZone(t, "example", "@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.1"))
	var live gatelodge.Live
	s := New(&live, Config{})
	live.Swap(snapshot)
	serve(t, s,
		gatelodge.Listener{Name: "both", Protocol: gatelodge.DNS, Address: ":0", Views: []string{"default"}},
		gatelodge.Listener{Name: "four", Protocol: gatelodge.DNS, Address: "0.0.0.0:0", Views: []string{"default"}})
	asked := []string{"127.0.0.1", "127.0.0.2", "127.1.2.3"}
	if hasIPv6(t) {
		asked = append(asked, "::1")
		six := testUDP(t, "[::1]:0", nil)
		six.close()
	}
	for _, address := range asked {
		ip := netip.MustParseAddr(address)
		for _, listener := range []string{"both", "four"} {
			if ip.Is6() && listener == "four" {
				continue
			}
			// The client's socket is connected: replies from elsewhere don't reach it.
			reply := dig(t, "udp", netip.AddrPortFrom(ip, s.Addr(listener).Port()), "www.example.", dns.TypeA)
			if len(reply.Answer) != 1 {
				t.Errorf("%s on %s: %v", address, listener, reply)
			}
		}
	}
}

func hasIPv6(t *testing.T) bool {
	t.Helper()
	c, err := net.ListenPacket("udp", "[::1]:0")
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// TestSecondServerFails: although the UDP sockets of one server share their
// address, two servers don't.
func TestSecondServerFails(t *testing.T) {
	s, _ := startServer(t, Config{}, nil)
	second := New(new(gatelodge.Live), Config{})
	err := second.Listen(gatelodge.Listener{Name: "dns", Protocol: gatelodge.DNS, Address: s.Addr("dns").String()})
	if err == nil {
		t.Errorf("a second server on the address: %v", err)
	}
}

// testUDP returns a server that is bound to address.
func testUDP(t *testing.T, address string, responder func() *responder) *udpServer {
	t.Helper()
	sockets, err := bindUDP(address)
	if err != nil {
		t.Fatal(err)
	}
	return &udpServer{sockets: sockets, responder: responder}
}
