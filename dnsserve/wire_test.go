package dnsserve

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestWireSaysWhatLookupFound: for every name of the test zones, names beside
// and below them, and every type there is, the octets of the reply read as the
// records that the lookup found.
func TestWireSaysWhatLookupFound(t *testing.T) {
	files, err := filepath.Glob("testdata/answers/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	asked := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		zoneTexts, _, _ := strings.Cut(string(text), "\n\n? ")
		var zones []*zone
		for zoneText := range strings.SplitSeq(zoneTexts, "\n---\n") {
			z, err := loadZone(zoneText)
			if err != nil {
				t.Fatal(err)
			}
			zones = append(zones, z)
		}
		for _, z := range zones {
			z.apex.walk(z.name, func(owner name, _ *node) {
				for _, qname := range []string{owner.String(), "x." + owner.String(), "*." + owner.String()} {
					for _, qtype := range append([]uint16{dns.TypeDS, dns.TypeANY, 65280}, countedTypes[:14]...) {
						checkWire(t, zones, qname, qtype)
						asked++
					}
				}
			})
		}
	}
	if asked < 1000 {
		t.Errorf("only %d questions", asked)
	}
}

func checkWire(t *testing.T, zones []*zone, qname string, qtype uint16) {
	t.Helper()
	packed, err := packName(qname)
	if err != nil {
		return // too long
	}
	var found reply
	newView(zones).lookup(&found, packed, qtype)
	m := new(dns.Msg)
	m.SetQuestion(qname, qtype)
	got := exchange(t, testResponder(zones...), m, overTCP)
	if got.Rcode != found.rcode || got.Authoritative != found.authoritative {
		t.Errorf("%s %s: code %d, AA %v, found %d, %v", qname, dns.Type(qtype), got.Rcode, got.Authoritative, found.rcode, found.authoritative)
	}
	for _, section := range []struct {
		name  string
		got   []dns.RR
		found []placed
	}{{"answer", got.Answer, found.answer}, {"authority", got.Ns, found.authority}, {"additional", got.Extra, found.additional}} {
		var want, have []string
		for _, p := range section.found {
			rrs, err := p.set.records(p.owner)
			if err != nil {
				t.Fatal(err)
			}
			for _, rr := range rrs {
				want = append(want, rr.String())
			}
		}
		for _, rr := range section.got {
			have = append(have, rr.String())
		}
		if !slices.Equal(have, want) {
			t.Errorf("%s %s: %s section\n got %v\nwant %v", qname, dns.Type(qtype), section.name, have, want)
		}
	}
}

// FuzzRespond: whatever arrives, the reply is none, or one that is well-formed,
// no longer than the client takes, and to the message.
func FuzzRespond(f *testing.F) {
	for _, wire := range queriesOfAllKinds(f) {
		f.Add(wire)
	}
	text, err := os.ReadFile("testdata/answers/dname.txt")
	if err != nil {
		f.Fatal(err)
	}
	zoneText, _, _ := strings.Cut(string(text), "\n\n? ")
	z, err := loadZone(zoneText)
	if err != nil {
		f.Fatal(err)
	}
	r := testResponder(z, benchmarkZone(f, 20))
	r.identity, r.table().nsid = "gatelodge-0", true
	client := netip.MustParseAddr("192.0.2.7")
	f.Fuzz(func(t *testing.T, message []byte) {
		for _, via := range []transport{overUDP, overTCP} {
			out := r.respond(nil, message, client, via, fuzzNow)
			if out == nil {
				if len(message) >= headerSize && message[2]&0x80 == 0 {
					t.Fatal("a query is not answered")
				}
				return
			}
			if via == overUDP && len(out) > maxUDP {
				t.Fatalf("%d octets over UDP", len(out))
			}
			if out[0] != message[0] || out[1] != message[1] || out[2]&0x80 == 0 {
				t.Fatalf("%x is no reply to %x", out, message)
			}
			var m dns.Msg
			if err := m.Unpack(out); err != nil {
				t.Fatalf("the reply does not unpack: %v\n%x", err, out)
			}
			if m.Rcode == dns.RcodeSuccess && len(m.Question) == 1 {
				var asked dns.Msg
				if err := asked.Unpack(message); err == nil && fmt.Sprint(asked.Question) != fmt.Sprint(m.Question) {
					t.Fatalf("asked %v, answered %v", asked.Question, m.Question)
				}
			}
		}
	})
}

// FuzzParseRecords: whatever the configuration holds, the result is an error
// or records that Build and the compiler take.
func FuzzParseRecords(f *testing.F) {
	f.Add("www A 192.0.2.1\n@ 60 IN MX 10 mail\n")
	f.Add("$TTL 30\n$ORIGIN sub\na CNAME b\n(\n")
	f.Add("*.w TXT \"a;b\" c\n\\065 A 1.2.3.4")
	f.Fuzz(func(t *testing.T, text string) {
		records, err := ParseRecords(text, "example.com", 0)
		if err != nil {
			return
		}
		for _, record := range records {
			if _, err := parseRecord(record); err != nil {
				t.Errorf("%q gives %q, which does not parse: %v", text, record, err)
			}
			if !record.Name.Within("example.com") {
				t.Errorf("%q gives %s", text, record.Name)
			}
		}
	})
}
