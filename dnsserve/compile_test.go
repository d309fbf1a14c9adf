package dnsserve

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/dnsserve/versions"
)

// newTestCompiler has a log to look at.
func newTestCompiler() (*compiler, *bytes.Buffer) {
	var log bytes.Buffer
	handler := slog.New(slog.NewTextHandler(&log, nil))
	a := newAuthorities(handler)
	return &compiler{log: handler, versions: versions.New(nil, a.published, handler), authorities: a, metrics: newMetrics()}, &log
}

// edited is z with the node of this name replaced by what edit makes of it, nil
// for none, as Build would make it: other nodes are the same.
func edited(z *gatelodge.Zone, n gatelodge.Name, edit func(*gatelodge.Node) *gatelodge.Node) *gatelodge.Zone {
	next := *z
	next.Nodes = z.Nodes.With(n, edit(z.Nodes.Get(n)))
	return &next
}

func bigZone(t testing.TB, names int) *gatelodge.Zone {
	z := &gatelodge.Zone{Name: "example", Primary: "ns1.example", Hostmaster: "hostmaster.example", TTL: time.Minute, NegativeTTL: 5 * time.Second}
	for i := range names {
		n := gatelodge.Name(fmt.Sprintf("h%d.d%d.example", i, i%10))
		z.Nodes = z.Nodes.With(n, &gatelodge.Node{Name: n, Records: []gatelodge.Record{{Name: n, Type: "A", TTL: time.Minute, Data: "192.0.2.1"}}})
	}
	return z
}

func countNodes(n *node, seen map[*node]bool) {
	seen[n] = true
	for _, child := range n.children.All() {
		countNodes(child, seen)
	}
}

// TestOneChangeSharesAllElse: the nodes from the changed name up to the apex
// are new, and no others.
func TestOneChangeSharesAllElse(t *testing.T) {
	c, _ := newTestCompiler()
	z := bigZone(t, 1000)
	before := c.compile(snapshotOf(z), nil)
	next := edited(z, "h123.d3.example", func(n *gatelodge.Node) *gatelodge.Node {
		return &gatelodge.Node{Name: n.Name, Records: []gatelodge.Record{{Name: n.Name, Type: "A", TTL: time.Minute, Data: "192.0.2.2"}}}
	})
	after := c.compile(snapshotOf(next), before)

	was, is := before.view("default").zone("example"), after.view("default").zone("example")
	old, now := make(map[*node]bool), make(map[*node]bool)
	countNodes(was.apex, old)
	countNodes(is.apex, now)
	made := 0
	for n := range now {
		if !old[n] {
			made++
		}
	}
	if made != 3 || len(now) != len(old) {
		t.Errorf("%d of %d nodes are new, want the name, its parent and the apex", made, len(now))
	}
}

// TestSerialMovesWithContentOnly.
func TestSerialMovesWithContentOnly(t *testing.T) {
	c, _ := newTestCompiler()
	z := testZone(t, "example", "@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.1\nwww A 192.0.2.2")
	table := c.compile(snapshotOf(z), nil)
	step := func(what string, next *gatelodge.Zone, moves bool) {
		t.Helper()
		before := table.view("default").zone("example").soa().serial
		table = c.compile(snapshotOf(next), table)
		after := table.view("default").zone("example").soa().serial
		if after != before && !versions.Less(before, after) || (after != before) != moves {
			t.Errorf("%s: serial %d after %d, want another: %v", what, after, before, moves)
		}
		z = next
	}
	record := func(data string) gatelodge.Record {
		return gatelodge.Record{Name: "www.example", Type: "A", TTL: time.Minute, Data: data}
	}
	step("the same zone", z, false)
	step("a copy of it", edited(z, "none.example", func(*gatelodge.Node) *gatelodge.Node { return nil }), false)
	step("a copy of a node, in another order", edited(z, "www.example", func(n *gatelodge.Node) *gatelodge.Node {
		return &gatelodge.Node{Name: n.Name, Records: []gatelodge.Record{record("192.0.2.2"), record("192.0.2.1")}}
	}), false)
	step("one address less", edited(z, "www.example", func(n *gatelodge.Node) *gatelodge.Node {
		return &gatelodge.Node{Name: n.Name, Records: []gatelodge.Record{record("192.0.2.1")}}
	}), true)
	step("a name less", edited(z, "www.example", func(*gatelodge.Node) *gatelodge.Node { return nil }), true)
	slower := *z
	slower.NegativeTTL = time.Minute
	step("another negative TTL", &slower, true)
	step("nothing", z, false)
}

// TestNameWithoutRecordsExists: a Node without records keeps a wildcard from
// answering for its name and for those below it.
func TestNameWithoutRecordsExists(t *testing.T) {
	c, _ := newTestCompiler()
	z := testZone(t, "example", "@ NS ns1\nns1 A 192.0.2.53\n* A 192.0.2.66\n*.deep TXT other")
	table := c.compile(snapshotOf(z), nil)
	ask := func(qname string, rcode, answers int) {
		t.Helper()
		var r reply
		table.view("default").lookup(&r, wireName(gatelodge.Name(qname)), dns.TypeA)
		if r.rcode != rcode || len(r.answer) != answers || !r.authoritative || answers == 0 && len(r.authority) != 1 {
			t.Errorf("%s: %s with %d answers and %d in the authority section, want %s with %d",
				qname, dns.RcodeToString[r.rcode], len(r.answer), len(r.authority), dns.RcodeToString[rcode], answers)
		}
	}
	put := func(n gatelodge.Name, exists bool) {
		z = edited(z, n, func(*gatelodge.Node) *gatelodge.Node {
			if !exists {
				return nil
			}
			return &gatelodge.Node{Name: n}
		})
		table = c.compile(snapshotOf(z), table)
	}
	ask("x.example", dns.RcodeSuccess, 1)
	put("x.example", true)
	ask("x.example", dns.RcodeSuccess, 0)
	ask("below.x.example", dns.RcodeNameError, 0)
	if text := zoneText(t, table); !strings.Contains(text, "; x.example. exists without records\n") {
		t.Errorf("the zone's text is\n%s", text)
	}
	put("a.y.example", true)
	ask("y.example", dns.RcodeSuccess, 0)
	ask("b.y.example", dns.RcodeNameError, 0)
	put("*.deep.example", true)
	ask("any.deep.example", dns.RcodeSuccess, 0)
	for _, n := range []gatelodge.Name{"x.example", "a.y.example", "*.deep.example"} {
		put(n, false)
	}
	for _, n := range []string{"x.example", "below.x.example", "y.example", "any.deep.example"} {
		ask(n, dns.RcodeSuccess, 1)
	}
}

// TestChangesGiveWhatAFreshStartGives: after many random changes the table is
// the one that is compiled from nothing.
func TestChangesGiveWhatAFreshStartGives(t *testing.T) {
	c, _ := newTestCompiler()
	z := bigZone(t, 60)
	table := c.compile(snapshotOf(z), nil)
	names := []gatelodge.Name{"example", "d1.example", "h1.d1.example", "*.d1.example", "x.h1.d1.example", "a.b.c.d.example", "c.d.example", "h7.d7.example"}
	types := []gatelodge.Record{{Type: "A", Data: "192.0.2.9"}, {Type: "TXT", Data: `"text"`}, {Type: "NS", Data: "ns.elsewhere."}}
	for step := range 200 {
		n := names[step*7%len(names)]
		z = edited(z, n, func(before *gatelodge.Node) *gatelodge.Node {
			if before != nil && step%3 == 0 {
				return nil
			}
			if step%5 == 0 {
				return &gatelodge.Node{Name: n}
			}
			record := types[step*5%len(types)]
			record.Name, record.TTL = n, time.Duration(step%4+1)*time.Second
			return &gatelodge.Node{Name: n, Records: []gatelodge.Record{record}}
		})
		table = c.compile(snapshotOf(z), table)
		fresh, _ := newTestCompiler()
		want := zoneText(t, fresh.compile(snapshotOf(z), nil))
		if got := zoneText(t, table); withoutSerial(got) != withoutSerial(want) {
			t.Fatalf("step %d\n got\n%s\nwant\n%s", step, got, want)
		}
	}
}

func zoneText(t *testing.T, table *table) string {
	t.Helper()
	var b strings.Builder
	if err := table.view("default").zone("example").writeText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// withoutSerial is a zone's text after its first line.
func withoutSerial(text string) string {
	_, rest, _ := strings.Cut(text, "\n")
	return rest
}

// TestBadRecordsAreLeftOut: what does not parse is logged with its text, and
// the rest is served.
func TestBadRecordsAreLeftOut(t *testing.T) {
	c, log := newTestCompiler()
	record := func(n gatelodge.Name, rtype, data string) *gatelodge.Node {
		return &gatelodge.Node{Name: n, Records: []gatelodge.Record{
			{Name: n, Type: rtype, Data: data, TTL: time.Minute}, {Name: n, Type: "TXT", Data: `"good"`, TTL: time.Minute}}}
	}
	z := &gatelodge.Zone{Name: "example", Primary: "ns1.example", Hostmaster: "hostmaster.example", Nodes: gatelodge.NodeMap(
		record("address.example", "A", "not-an-address"),
		record("alias.example", "CNAME", "www.example."),
		record("lines.example", "A", "192.0.2.1\nevil.example. 60 IN A 192.0.2.2"),
		record("nothing.example", "A", ""),
		record("type.example", "NONE-SUCH", "data"),
		record("www.elsewhere", "A", "192.0.2.1"),
	)}
	table := c.compile(snapshotOf(z), nil)
	text := zoneText(t, table)
	for _, n := range z.Nodes.All() {
		served := strings.Contains(text, string(n.Name)+".\t60\tIN\tTXT\t\"good\"")
		if want := n.Name.Within("example"); served != want {
			t.Errorf("%s: the good record is served: %v, want %v", n.Name, served, want)
		}
		if !strings.Contains(log.String(), string(n.Name)) {
			t.Errorf("%s is not in the log", n.Name)
		}
	}
	if strings.Contains(text, "evil") || strings.Contains(text, "CNAME") {
		t.Errorf("served:\n%s", text)
	}
}

// TestZoneTextIsTheZone: read back it is the same.
func TestZoneTextIsTheZone(t *testing.T) {
	z := testZone(t, "example", "@ NS ns1\nns1 A 192.0.2.53\n*.w TXT \"a;b\" \"c\"\nwww A 192.0.2.1\nwww AAAA 2001:db8::1\n@ MX 10 www\nalias CNAME www\nwww HTTPS 1 . alpn=h2")
	var live gatelodge.Live
	s := New(&live, Config{})
	if _, ok := s.Serial("example", "default"); ok {
		t.Error("a zone has a serial before the first Swap")
	}
	live.Swap(snapshotOf(z))
	var text strings.Builder
	if err := s.ZoneText(&text, "example", "default"); err != nil {
		t.Fatal(err)
	}
	back, err := loadZone(text.String())
	if err != nil {
		t.Fatalf("%v\n%s", err, text.String())
	}
	serial, ok := s.Serial("example", "default")
	if !ok || serial != back.soa().serial {
		t.Errorf("serial %d, %v, in the text %d", serial, ok, back.soa().serial)
	}
	var again strings.Builder
	if err := back.writeText(&again); err != nil || again.String() != text.String() {
		t.Errorf("%v\n%s\nreads back as\n%s", err, text.String(), again.String())
	}
	if !strings.HasPrefix(text.String(), "example.\t60\tIN\tSOA\t") || strings.Count(text.String(), "SOA") != 1 {
		t.Errorf("the text does not begin with its one SOA:\n%s", text.String())
	}
	if err := s.ZoneText(&text, "elsewhere", "default"); err == nil {
		t.Error("a zone that is not there has a text")
	}
}

// TestDSOfAnUnknownParent keeps lookups of the apex in the zone.
func TestDSOfAnUnknownParent(t *testing.T) {
	reply := ask(t, exampleZone(t), "example.", dns.TypeDS, overUDP)
	if reply.Rcode != dns.RcodeSuccess || !reply.Authoritative || len(reply.Ns) != 1 {
		t.Errorf("%v", reply)
	}
}
