package caa

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"gatelodge.dev"
)

// resolver is a DNS server on loopback that answers from records by name, in
// zone-file form.
type resolver struct {
	address netip.AddrPort

	mu      sync.Mutex
	records map[string][]string
	rcodes  map[string]int
	asked   map[string]int
	overTCP bool // it answers over TCP only
}

func startResolver(t *testing.T) *resolver {
	t.Helper()
	var packets net.PacketConn
	var listener net.Listener
	var err error
	for try := 0; listener == nil; try++ { // a port that is free for one may be another test's for the other
		if packets, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if listener, err = net.Listen("tcp", packets.LocalAddr().String()); err != nil {
			packets.Close()
			if try == 100 {
				t.Fatal(err)
			}
		}
	}
	r := &resolver{
		address: packets.LocalAddr().(*net.UDPAddr).AddrPort(),
		records: make(map[string][]string), rcodes: make(map[string]int), asked: make(map[string]int),
	}
	for _, server := range []*dns.Server{{PacketConn: packets, Handler: r}, {Listener: listener, Handler: r}} {
		started := make(chan bool)
		server.NotifyStartedFunc = func() { close(started) }
		go server.ActivateAndServe()
		<-started
		t.Cleanup(func() { server.Shutdown() })
	}
	return r
}

func (r *resolver) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := new(dns.Msg)
	m.SetReply(query)
	name := strings.TrimSuffix(query.Question[0].Name, ".")
	r.asked[name]++
	m.Rcode = r.rcodes[name]
	if _, udp := w.LocalAddr().(*net.UDPAddr); udp && r.overTCP {
		m.Truncated = true
		w.WriteMsg(m)
		return
	}
	for link := 0; link < 9; link++ {
		next := ""
		for _, text := range r.records[name] {
			rr, err := dns.NewRR(name + ". 300 IN " + text)
			if err != nil {
				panic(err)
			}
			m.Answer = append(m.Answer, rr)
			if cname, ok := rr.(*dns.CNAME); ok {
				next = strings.TrimSuffix(cname.Target, ".")
			}
		}
		if next == "" {
			break
		}
		name = next
	}
	if len(m.Answer) == 0 {
		soa, _ := dns.NewRR("example. 300 IN SOA ns.example. hostmaster.example. 1 1 1 1 60")
		m.Ns = append(m.Ns, soa)
	}
	w.WriteMsg(m)
}

// has sets its records.
func (r *resolver) has(records map[string][]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = records
}

func (r *resolver) count(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked[name]
}

func ownersOf(records []Record) string {
	var list []string
	for _, r := range records {
		list = append(list, fmt.Sprintf("%s %s", r.Owner, r.Value))
	}
	return strings.Join(list, ", ")
}

// TestFind: the records of the nearest name hold, those of a name's alias are its
// own, and what stands above an alias's target is of no concern (RFC 8659 §3).
func TestFind(t *testing.T) {
	r := startResolver(t)
	r.has(map[string][]string{
		"example.com":       {`CAA 0 issue "ca.example"`},
		"shop.example.com":  {`CAA 0 issue "shop.example"`},
		"alias.example.com": {`CNAME cdn.example.net.`},
		"cdn.example.net":   {`CAA 0 issue "cdn.example"`},
		"bare.example.com":  {`CNAME bare.example.org.`},
		"example.org":       {`CAA 0 issue "org.example"`},
	})
	var f Finder
	for name, want := range map[gatelodge.Name]string{
		"example.com":           "example.com ca.example",
		"a.b.example.com":       "example.com ca.example",
		"shop.example.com":      "shop.example.com shop.example",
		"*.shop.example.com":    "shop.example.com shop.example",
		"x.shop.example.com":    "shop.example.com shop.example",
		"alias.example.com":     "cdn.example.net cdn.example",
		"www.alias.example.com": "cdn.example.net cdn.example",
		"bare.example.com":      "example.com ca.example",
		"example.net":           "",
	} {
		records, err := f.Find(t.Context(), []netip.AddrPort{r.address}, name)
		if got := ownersOf(records); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
	if n := r.count("example.com"); n != 1 {
		t.Errorf("example.com was asked for %d times, want once", n)
	}
}

// TestFindOwn: our own zones are asked first, and of what they delegate or lead
// elsewhere by an alias, the resolver.
func TestFindOwn(t *testing.T) {
	r := startResolver(t)
	r.has(map[string][]string{
		"child.example.com": {`CAA 0 issue "child.example"`},
		"cdn.example.net":   {`CAA 0 issue "cdn.example"`},
		"example.com":       {`CAA 0 issue "stale.example"`},
	})
	own := func(query []byte) []byte {
		var m dns.Msg
		if err := m.Unpack(query); err != nil {
			t.Error(err)
		}
		name := m.Question[0].Name
		if !dns.IsSubDomain("example.com.", name) {
			return nil
		}
		reply := new(dns.Msg)
		reply.SetReply(&m)
		add := func(section *[]dns.RR, text string) {
			rr, err := dns.NewRR(text)
			if err != nil {
				t.Error(err)
			}
			*section = append(*section, rr)
		}
		reply.Authoritative = true
		switch name {
		case "example.com.":
			add(&reply.Answer, `example.com. 60 IN CAA 0 issue "ours.example"`)
		case "child.example.com.":
			reply.Authoritative = false
			add(&reply.Ns, "child.example.com. 60 IN NS ns.example.net.")
		case "alias.example.com.":
			add(&reply.Answer, "alias.example.com. 60 IN CNAME cdn.example.net.")
		default:
			add(&reply.Ns, "example.com. 60 IN SOA ns hostmaster 1 1 1 1 1")
		}
		response, err := reply.Pack()
		if err != nil {
			t.Error(err)
		}
		return response
	}
	f := Finder{Own: own}
	for name, want := range map[gatelodge.Name]string{
		"www.example.com":   "example.com ours.example",
		"child.example.com": "child.example.com child.example",
		"alias.example.com": "cdn.example.net cdn.example",
	} {
		records, err := f.Find(t.Context(), []netip.AddrPort{r.address}, name)
		if got := ownersOf(records); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
	if n := r.count("example.com"); n != 0 {
		t.Errorf("the resolver was asked for a name of ours %d times", n)
	}
}

// TestFailures: an error says which name could not be looked up and is kept for a
// while; the next resolver is asked; a long answer comes over TCP.
func TestFailures(t *testing.T) {
	r := startResolver(t)
	r.mu.Lock()
	r.rcodes["example.com"] = dns.RcodeServerFailure
	r.mu.Unlock()
	var f Finder
	for range 2 {
		if _, err := f.Find(t.Context(), []netip.AddrPort{r.address}, "www.example.com"); err == nil || !strings.Contains(err.Error(), "of example.com: the answer is ServerFailure") {
			t.Errorf("SERVFAIL gives %v", err)
		}
	}
	if n := r.count("example.com"); n != 1 {
		t.Errorf("a failure is not kept: %d queries", n)
	}

	r.mu.Lock()
	r.overTCP, r.records = true, map[string][]string{"long.example": {`CAA 0 issue "` + strings.Repeat("x", 200) + `"`}}
	r.mu.Unlock()
	closed := netip.MustParseAddrPort("127.0.0.1:1")
	records, err := f.Find(t.Context(), []netip.AddrPort{closed, r.address}, "long.example")
	if err != nil || len(records) != 1 {
		t.Errorf("a long answer: %v, %v", records, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Find(ctx, []netip.AddrPort{closed}, "ended.example"); err == nil || len(f.kept) != 3 {
		t.Errorf("what a caller gave up is kept: %v, %v", err, f.kept)
	}
}

// TestKept: answers are kept for their TTL, and their number is bounded.
func TestKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &Finder{}
		f.keep("a.example", kept{until: time.Now().Add(time.Minute)})
		if _, err := f.resolve(t.Context(), nil, "a.example"); err != nil {
			t.Errorf("a kept answer is not used: %v", err)
		}
		for i := range maxAnswers + 1 {
			f.keep(gatelodge.Name(fmt.Sprintf("n%d.example", i)), kept{})
		}
		if len(f.kept) > maxAnswers {
			t.Errorf("%d answers are kept", len(f.kept))
		}
	})
}

func TestSystemResolvers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(file, []byte("# none\nsearch example.com\nnameserver 192.0.2.1\nnameserver  2001:db8::1 # second\nnameserver broken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	servers, err := systemResolvers(file)
	if got := fmt.Sprint(servers, err); got != "[192.0.2.1:53 [2001:db8::1]:53] <nil>" {
		t.Errorf("got %s", got)
	}
}
