package dnsserve

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestQueryLog: the share of queries that the settings ask for, each with who
// asked what; and lines are lost rather than waited for.
func TestQueryLog(t *testing.T) {
	var out bytes.Buffer
	queries := newQueryLog(slog.New(slog.NewJSONHandler(&out, nil)))
	r := testResponder(exampleZone(t))
	r.queries = queries
	wire := plainQuery(t, "NONE.example.", dns.TypeHTTPS)
	ask := func(n int, share float64) (lines []map[string]any) {
		t.Helper()
		out.Reset()
		r.table().logShare = share
		for range n {
			if r.respond(nil, wire, netip.MustParseAddr("::ffff:192.0.2.7"), overUDP, time.Unix(1e9, 0)) == nil {
				t.Fatal("no reply")
			}
		}
		queries.start()()
		for line := range bytes.Lines(out.Bytes()) {
			var fields map[string]any
			if err := json.Unmarshal(line, &fields); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, fields)
		}
		return lines
	}
	if lines := ask(100, 0); len(lines) != 0 {
		t.Errorf("%d lines without a share", len(lines))
	}
	if lines := ask(100, 0.25); len(lines) != 25 {
		t.Errorf("%d lines of a quarter of 100", len(lines))
	}
	lines := ask(1, 1)
	if len(lines) != 1 {
		t.Fatalf("%d lines of 1", len(lines))
	}
	for field, want := range map[string]string{
		"client": "192.0.2.7", "proto": "udp", "view": "test", "name": "none.example.", "type": "HTTPS", "rcode": "NXDOMAIN",
	} {
		if lines[0][field] != want {
			t.Errorf("%s is %v, want %s", field, lines[0][field], want)
		}
	}
	if lines = ask(queryLogRoom+50, 1); len(lines) != queryLogRoom || lines[0]["dropped"] != 50.0 {
		t.Errorf("%d lines, %v dropped", len(lines), lines[0]["dropped"])
	}
}

// TestPadding: over TLS, who asks for it gets replies that all look alike from
// outside (RFC 8467).
func TestPadding(t *testing.T) {
	for _, test := range []struct {
		via   transport
		asked bool
		want  bool
	}{{overTLS, true, true}, {overTLS, false, false}, {overTCP, true, false}, {overUDP, true, false}} {
		var options []dns.EDNS0
		if test.asked {
			options = append(options, &dns.EDNS0_PADDING{Padding: make([]byte, 10)})
		}
		wire := plainQuery(t, "www.example.", dns.TypeA, withEDNS(1232, options...))
		out := testResponder(exampleZone(t)).respond(nil, wire, netip.MustParseAddr("192.0.2.7"), test.via, time.Now())
		if got := len(out)%paddingBlock == 0; got != test.want {
			t.Errorf("%s, asked %v: %d octets", test.via, test.asked, len(out))
		}
		if err := new(dns.Msg).Unpack(out); err != nil {
			t.Error(err)
		}
	}
}
