package dnsserve

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
	"github.com/miekg/dns"

	"gatelodge.dev/dnsserve/versions"
)

// referenceFolder holds the reference cases, seen from this package.
const referenceFolder = "../../shared/data"

// expectation is what some of the reference servers answered.
type expectation struct {
	By    []string `json:"by"`
	Rcode string   `json:"rcode"`
	Flags string   `json:"flags"`
	Ans   []string `json:"ans"`
	Auth  []string `json:"auth"`
}

// TestReferenceCases asks each of the zones that BIND, NSD, Knot and PowerDNS
// were asked, and wants the answer on which they agree.
func TestReferenceCases(t *testing.T) {
	cases, agreed := 0, 0
	readReference(t, "GATELODGE_DNS_CASES", "dns-authoritative-cases.jsonl.gz", func(line []byte) {
		var c struct {
			ID                 int
			Zone, Qname, Qtype string
			Expected           []expectation
		}
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		cases++
		z, err := loadZone(c.Zone)
		if err != nil {
			t.Errorf("case %d: zone is refused: %v\n%s", c.ID, err, c.Zone)
			return
		}
		got := comparableText(ask(t, z, c.Qname, dns.StringToType[c.Qtype], overUDP))
		want := c.Expected[0].comparable()
		for _, e := range c.Expected[1:] {
			if e.comparable() != want {
				return // they differ, so an answer is all there is to ask for
			}
		}
		agreed++
		if got != want {
			t.Errorf("case %d: %s %s\n%s\n got %s\nwant %s", c.ID, c.Qname, c.Qtype, c.Zone, got, want)
		}
	})
	if agreed < cases*9/10 {
		t.Errorf("only %d of %d cases are agreed on: they are not read right", agreed, cases)
	}
}

// TestBrokenZones: a zone with errors is served as it stands or refused with a
// reason, and never keeps the server busy. Those that all others refuse, we
// refuse.
func TestBrokenZones(t *testing.T) {
	readReference(t, "GATELODGE_DNS_BROKEN_ZONES", "dns-broken-zones.jsonl.gz", func(line []byte) {
		var c struct {
			ID, Cond json.RawMessage
			Zone     string
			Preproc  map[string]struct{ Code int }
			Tests    []struct{ Qname, Qtype string }
		}
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		z, err := loadZone(c.Zone)
		if err != nil {
			if len(err.Error()) < 10 {
				t.Errorf("condition %s case %s: refused with hardly a reason: %q", c.Cond, c.ID, err)
			}
			return
		}
		refusing := 0
		for _, checker := range []string{"Bind", "Nsd", "Knot"} {
			if c.Preproc[checker].Code != 0 {
				refusing++
			}
		}
		if refusing >= 2 {
			t.Errorf("condition %s case %s is served, %d checkers refuse it\n%s", c.Cond, c.ID, refusing, c.Zone)
		}
		for _, q := range c.Tests {
			ask(t, z, q.Qname, dns.StringToType[q.Qtype], overUDP)
		}
	})
}

// readReference calls f with each line of a file of the reference folder, or
// of the one that the environment variable names.
func readReference(t *testing.T, variable, file string, f func(line []byte)) {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		path = filepath.Join(referenceFolder, file)
		if _, err := os.Stat(referenceFolder); errors.Is(err, fs.ErrNotExist) {
			t.Skipf("the folder of reference cases %s is absent, and %s names no file", referenceFolder, variable)
		}
	}
	packed, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	r, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	n := 0
	for ; lines.Scan(); n++ {
		f(lines.Bytes())
	}
	if err := lines.Err(); err != nil || n == 0 {
		t.Fatalf("%s: %d lines, %v", path, n, err)
	}
}

// ask has a responder answer one plain query about z.
func ask(t *testing.T, z *zone, qname string, qtype uint16, via transport) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(qname, qtype)
	m.RecursionDesired = false
	return exchange(t, testResponder(z), m, via)
}

// testResponder answers from one zone.
func testResponder(zones ...*zone) *responder {
	v := newView(zones)
	v.source = &gatelodge.View{Name: "test"}
	live := &table{views: map[string]*view{"test": v}}
	secrets := new(cookieSecrets)
	return &responder{
		table: func() *table { return live }, views: []string{"test"}, secrets: func() *cookieSecrets { return secrets },
		transfers: newTransfers(versions.New(nil, nil, nil)),
	}
}

// exchange sends m to r and reads the reply, which has to be a well-formed one
// to m.
func exchange(t *testing.T, r *responder, m *dns.Msg, via transport) *dns.Msg {
	t.Helper()
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	out := r.respond(nil, wire, netip.MustParseAddr("192.0.2.7"), via, time.Unix(1e9, 0))
	if out == nil {
		t.Fatalf("no reply to %v", m)
	}
	reply := new(dns.Msg)
	if err := reply.Unpack(out); err != nil {
		t.Fatalf("the reply to %v does not unpack: %v\n%x", m.Question, err, out)
	}
	if reply.Id != m.Id || !reply.Response {
		t.Fatalf("this is no reply to %v: %v", m, reply)
	}
	return reply
}

// comparableText is what of an answer the reference's README says to compare.
func comparableText(m *dns.Msg) string {
	flags := "QR"
	if m.Authoritative {
		flags += " AA"
	}
	if m.Truncated {
		flags += " TC"
	}
	e := expectation{Rcode: dns.RcodeToString[m.Rcode], Flags: flags}
	for _, rr := range m.Answer {
		e.Ans = append(e.Ans, rr.String())
	}
	for _, rr := range m.Ns {
		e.Auth = append(e.Auth, rr.String())
	}
	return e.comparable()
}

func (e expectation) comparable() string {
	section := func(records []string) string {
		var lines []string
		for _, r := range records {
			lines = append(lines, strings.Join(strings.Fields(r), " "))
		}
		slices.Sort(lines)
		return strings.Join(slices.Compact(lines), "; ")
	}
	flags := slices.DeleteFunc(strings.Fields(e.Flags), func(f string) bool { return f == "RA" })
	s := e.Rcode + " " + strings.Join(flags, " ") + " answer: " + section(e.Ans)
	if len(e.Ans) == 0 {
		s += " authority: " + section(e.Auth)
	}
	return s
}
