package dnsserve

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
)

// patience is how long a test waits for what should come at once: long, as a machine may
// have much else to do.
const patience = time.Minute

// TestMain sees that the tests leave no goroutine of this package behind.
func TestMain(m *testing.M) {
	code := m.Run()
	deadline := time.Now().Add(patience)
	left := goroutines()
	for ; len(left) > 0 && time.Now().Before(deadline); left = goroutines() {
		runtime.Gosched()
	}
	if code == 0 && len(left) > 0 {
		fmt.Printf("goroutines are left behind:\n%s\n", strings.Join(left, "\n\n"))
		code = 1
	}
	os.Exit(code)
}

// goroutines returns the stacks of those that run code of this package, but
// for its caller.
func goroutines() []string {
	stacks := make([]byte, 1<<20)
	all := strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n")
	return slices.DeleteFunc(all[1:], func(stack string) bool { return !strings.Contains(stack, "gatelodge.dev/dnsserve.") })
}

// startServer serves the snapshot on a free port of loopback until the test
// ends.
func startServer(t *testing.T, cfg Config, snapshot *gatelodge.Snapshot) (*Server, *gatelodge.Live) {
	t.Helper()
	var live gatelodge.Live
	s := New(&live, cfg)
	if snapshot != nil {
		live.Swap(snapshot)
	}
	serve(t, s, gatelodge.Listener{Name: "dns", Protocol: gatelodge.DNS, Address: "127.0.0.1:0", Views: []string{"default"}})
	return s, &live
}

// serve has s listen and serve until the test ends.
func serve(t *testing.T, s *Server, listeners ...gatelodge.Listener) {
	t.Helper()
	for _, l := range listeners {
		if err := s.Listen(l); err != nil {
			t.Fatal(err)
		}
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// testZone is a zone of a snapshot with these records, in zone-file form.
func testZone(t *testing.T, origin gatelodge.Name, text string) *gatelodge.Zone {
	t.Helper()
	records, err := ParseRecords(text, origin, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	z := &gatelodge.Zone{Name: origin, Primary: "ns1." + origin, Hostmaster: "hostmaster.example.com", TTL: time.Minute, NegativeTTL: 5 * time.Second}
	for _, r := range records {
		n := z.Nodes.Get(r.Name)
		if n == nil {
			n = &gatelodge.Node{Name: r.Name}
			z.Nodes = z.Nodes.With(r.Name, n)
		}
		n.Records = append(n.Records, r)
	}
	return z
}

// snapshotOf has the zones in view default.
func snapshotOf(zones ...*gatelodge.Zone) *gatelodge.Snapshot {
	return &gatelodge.Snapshot{Settings: &gatelodge.Settings{}, Views: []*gatelodge.View{{Name: "default", Zones: zones}}}
}

// dig asks the server, by "udp" or "tcp".
func dig(t *testing.T, network string, server netip.AddrPort, qname string, qtype uint16) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(qname, qtype)
	client := dns.Client{Net: network, Timeout: patience}
	reply, _, err := client.Exchange(m, server.String())
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func TestServerAnswersOverUDPAndTCP(t *testing.T) {
	s, live := startServer(t, Config{}, nil)
	addr := s.Addr("dns")
	for _, network := range []string{"udp", "tcp"} {
		if got := dig(t, network, addr, "www.pke.example.com.", dns.TypeA).Rcode; got != dns.RcodeServerFailure {
			t.Errorf("%s: before the first Swap: %s, want SERVFAIL", network, dns.RcodeToString[got])
		}
	}
	live.Swap(snapshotOf(testZone(t, "pke.example.com", "@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.1")))
	for _, network := range []string{"udp", "tcp"} {
		reply := dig(t, network, addr, "WwW.pke.example.com.", dns.TypeA)
		if len(reply.Answer) != 1 || !reply.Authoritative || !strings.HasSuffix(reply.Answer[0].String(), "192.0.2.1") {
			t.Errorf("%s: %v", network, reply)
		}
		if reply.Question[0].Name != "WwW.pke.example.com." {
			t.Errorf("%s: question comes back as %s", network, reply.Question[0].Name)
		}
	}
	live.Swap(snapshotOf(testZone(t, "pke.example.com", "@ NS ns1\nns1 A 192.0.2.53")))
	if got := dig(t, "udp", addr, "www.pke.example.com.", dns.TypeA).Rcode; got != dns.RcodeNameError {
		t.Errorf("after its removal: %s, want NXDOMAIN", dns.RcodeToString[got])
	}
}

func TestListenRefusesWhatIsNoDNS(t *testing.T) {
	s := New(new(gatelodge.Live), Config{})
	for _, l := range []gatelodge.Listener{
		{Name: "web", Protocol: gatelodge.HTTP, Address: "127.0.0.1:0"},
		{Name: "nowhere", Protocol: gatelodge.DNS, Address: "here"},
	} {
		if err := s.Listen(l); err == nil || !strings.Contains(err.Error(), l.Name) {
			t.Errorf("Listen(%v) = %v, want an error that names the listener", l, err)
		}
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if err := s.Listen(gatelodge.Listener{Name: "dns", Protocol: gatelodge.DNS, Address: taken.Addr().String()}); err == nil {
		t.Error("Listen takes an address that is taken")
	}
}

// TestSwapsUnderLoad: while the zone changes again and again, every query gets
// an answer of one version or the other, never a mix and never none.
func TestSwapsUnderLoad(t *testing.T) {
	versions := []*gatelodge.Snapshot{
		snapshotOf(testZone(t, "example", "@ NS ns1\nns1 A 192.0.2.53\nalias CNAME www\nwww A 192.0.2.1")),
		snapshotOf(testZone(t, "example", "@ NS ns1\nns1 A 192.0.2.53\nalias CNAME web\nweb A 192.0.2.2")),
	}
	s, live := startServer(t, Config{}, versions[0])
	stop := make(chan struct{})
	swapped := make(chan int)
	go func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				swapped <- n
				return
			default:
				live.Swap(versions[n%2])
			}
		}
	}()
	for i := range 300 {
		network := []string{"udp", "tcp"}[i%2]
		reply := dig(t, network, s.Addr("dns"), "alias.example.", dns.TypeA)
		if len(reply.Answer) != 2 || reply.Rcode != dns.RcodeSuccess {
			t.Fatalf("query %d: %v", i, reply)
		}
	}
	close(stop)
	if n := <-swapped; n < 10 {
		t.Errorf("only %d swaps", n)
	}
}
