package dnsserve

import (
	"cmp"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
)

var transferKeys = []*gatelodge.TransferKey{
	{Name: "first.key", Algorithm: "hmac-sha256", Secret: []byte("the first secret of the tests")},
	{Name: "second.key", Algorithm: "hmac-sha512", Secret: []byte("the second secret of the tests")},
	{Name: "other.key", Algorithm: "hmac-sha384", Secret: []byte("that of another zone")},
}

// client asks for transfers, signed by a key.
type client struct {
	address string
	key     *gatelodge.TransferKey // nil: not signed
	secret  []byte                 // nil: the key's
	at      time.Time              // by the client's clock; zero: now
	tls     *tls.Config
}

func (c client) sign(m *dns.Msg) map[string]string {
	if c.key == nil {
		return nil
	}
	at := time.Now()
	if !c.at.IsZero() {
		at = c.at
	}
	name := string(c.key.Name) + "."
	m.SetTsig(name, c.key.Algorithm+".", 300, at.Unix())
	secret := c.key.Secret
	if c.secret != nil {
		secret = c.secret
	}
	return map[string]string{name: base64.StdEncoding.EncodeToString(secret)}
}

// transfer returns the records that a transfer is made of; each message has to be
// signed as the query is.
func (c client) transfer(m *dns.Msg) ([]dns.RR, error) {
	x := dns.Transfer{TsigSecret: c.sign(m), TLS: c.tls, ReadTimeout: patience}
	envelopes, err := x.In(m, c.address)
	if err != nil {
		return nil, err
	}
	var all []dns.RR
	for e := range envelopes {
		all, err = append(all, e.RR...), cmp.Or(err, e.Error)
	}
	return all, err
}

func (c client) axfr() ([]dns.RR, error) {
	m := new(dns.Msg)
	m.SetAxfr("example.")
	return c.transfer(m)
}

func (c client) ixfr(serial uint32) ([]dns.RR, error) {
	m := new(dns.Msg)
	m.SetIxfr("example.", serial, "ns1.example.", "hostmaster.example.")
	return c.transfer(m)
}

// ask sends one query and returns the reply, whatever it says.
func (c client) ask(t *testing.T, network string, m *dns.Msg) *dns.Msg {
	t.Helper()
	x := dns.Client{Net: network, TsigSecret: c.sign(m), Timeout: patience, TLSConfig: c.tls}
	reply, _, err := x.Exchange(m, c.address)
	if reply == nil || err != nil && reply.Rcode != dns.RcodeNotAuth {
		t.Fatalf("%v\n%v", err, reply)
	}
	return reply
}

// copyOf is a secondary's copy of a zone: its records, each once.
type copyOf map[string]bool

// take applies a transfer as a secondary does (RFC 1995 §4), and returns the
// serial.
func (c *copyOf) take(t *testing.T, records []dns.RR) uint32 {
	t.Helper()
	now := records[0].(*dns.SOA)
	if len(records) == 1 {
		return now.Serial
	}
	if second, ok := records[1].(*dns.SOA); ok && len(records) > 2 {
		for at := 1; at < len(records)-1; {
			for _, add := range []bool{false, true} {
				for first := true; at < len(records)-1 && (first || records[at].Header().Rrtype != dns.TypeSOA); at, first = at+1, false {
					text := records[at].String()
					if (*c)[text] == add {
						t.Fatalf("after serial %d: %s is there already: %v", second.Serial, text, add)
					}
					if add {
						(*c)[text] = true
					} else {
						delete(*c, text)
					}
				}
			}
		}
	} else {
		*c = make(copyOf)
		for _, rr := range records[:len(records)-1] {
			(*c)[rr.String()] = true
		}
	}
	if last, ok := records[len(records)-1].(*dns.SOA); !ok || last.String() != now.String() {
		t.Fatalf("the transfer ends with %v, and begins with %v", records[len(records)-1], now)
	}
	return now.Serial
}

// sameAs reports what the copy has and the server has not, or the other way round.
func (c copyOf) sameAs(s *Server) string {
	var text strings.Builder
	if err := s.ZoneText(&text, "example", "default"); err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	for _, line := range lines {
		if !c[line] {
			return "the copy lacks " + line
		}
	}
	if len(lines) != len(c) {
		return fmt.Sprintf("the copy has %d records, the zone %d", len(c), len(lines))
	}
	return ""
}

// transferSnapshot lets clients with one of the first two keys have the zone.
func transferSnapshot(z *gatelodge.Zone, change func(*gatelodge.Transfer)) *gatelodge.Snapshot {
	snapshot := snapshotOf(z)
	rules := &gatelodge.Transfer{Zone: "example", Views: []string{"default"}, Keys: transferKeys[:2]}
	if change != nil {
		change(rules)
	}
	snapshot.Transfers = []*gatelodge.Transfer{rules, {Zone: "other.example", Keys: transferKeys[2:]}}
	return snapshot
}

// TestTransfers: a client that follows every change, by all of the zone or by what
// changed, has what the server has.
func TestTransfers(t *testing.T) {
	z := testZone(t, "example", "@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.1\nwww A 192.0.2.2\n*.w TXT \"a;b\" c\nalias CNAME www")
	for i := range 3000 { // more than one message
		n := gatelodge.Name(fmt.Sprintf("host%d.example", i))
		z.Nodes = z.Nodes.With(n, &gatelodge.Node{Name: n, Records: []gatelodge.Record{{Name: n, Type: "A", TTL: time.Minute, Data: "192.0.2.7"}}})
	}
	s, live := startServer(t, Config{}, transferSnapshot(z, nil))
	for i, key := range transferKeys[:2] {
		c := client{address: s.Addr("dns").String(), key: key}
		var whole, followed copyOf
		records, err := c.axfr()
		if err != nil {
			t.Fatal(err)
		}
		serial := followed.take(t, records)
		if different := followed.sameAs(s); different != "" {
			t.Fatal(different)
		}
		old := serial
		for step, change := range []func(*gatelodge.Node) *gatelodge.Node{
			func(*gatelodge.Node) *gatelodge.Node { return nil },
			func(*gatelodge.Node) *gatelodge.Node {
				return &gatelodge.Node{Name: "www.example", Records: []gatelodge.Record{{Name: "www.example", Type: "A", TTL: time.Minute, Data: "192.0.2.1"}}}
			},
			func(n *gatelodge.Node) *gatelodge.Node {
				more := gatelodge.Record{Name: "www.example", Type: "A", TTL: time.Minute, Data: fmt.Sprintf("192.0.2.%d", 10+i)}
				return &gatelodge.Node{Name: n.Name, Records: append(slices.Clone(n.Records), more)}
			},
		} {
			z = edited(z, "www.example", change)
			live.Swap(transferSnapshot(z, nil))
			records, err := c.ixfr(serial)
			if err != nil {
				t.Fatal(err)
			}
			if len(records) > 12 {
				t.Errorf("step %d: a difference of %d records", step, len(records))
			}
			serial = followed.take(t, records)
			if different := followed.sameAs(s); different != "" {
				t.Errorf("step %d: %s", step, different)
			}
		}
		slower := *z
		slower.NegativeTTL += time.Minute // the SOA record alone
		z = &slower
		live.Swap(transferSnapshot(z, nil))
		if records, err = c.ixfr(serial); err != nil {
			t.Fatal(err)
		}
		serial = followed.take(t, records)
		if different := followed.sameAs(s); different != "" {
			t.Error(different)
		}
		if records, err = c.axfr(); err != nil {
			t.Fatal(err)
		}
		if whole.take(t, records) != serial || whole.sameAs(s) != "" {
			t.Error("all of the zone is not what the differences lead to")
		}

		// All steps at once; from a version that is too old or not known, all of the
		// zone; from the last one or a newer one, the SOA record.
		if records, err = c.ixfr(old); err != nil || len(records) > 12 {
			t.Errorf("all steps: %d records, %v", len(records), err)
		}
		if records, err = c.ixfr(old - 1000); err != nil || len(records) < 3000 {
			t.Errorf("from a version that is too old: %d records, %v", len(records), err)
		}
		for _, have := range []uint32{serial, serial + 1000} {
			m := new(dns.Msg)
			m.SetIxfr("example.", have, "ns1.example.", "hostmaster.example.")
			if reply := c.ask(t, "tcp", m); len(reply.Answer) != 1 || reply.Answer[0].(*dns.SOA).Serial != serial || !reply.Authoritative {
				t.Errorf("from version %d of %d: %v", have, serial, reply)
			}
		}
		m := new(dns.Msg)
		m.SetIxfr("example.", old, "ns1.example.", "hostmaster.example.")
		if reply := c.ask(t, "udp", m); len(reply.Answer) != 1 || reply.Answer[0].(*dns.SOA).Serial != serial {
			t.Errorf("over UDP: %v", reply)
		}
	}
}

// TestTransferIsRefused: without a key, with a wrong, unknown or foreign one, late,
// or from elsewhere (RFC 8945 §5.2).
func TestTransferIsRefused(t *testing.T) {
	z := testZone(t, "example", "@ NS ns1\nns1 A 192.0.2.53")
	elsewhere := func(x *gatelodge.Transfer) { x.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }
	here := func(x *gatelodge.Transfer) { x.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }
	noKey := func(x *gatelodge.Transfer) { x.Keys = nil }
	unknown := &gatelodge.TransferKey{Name: "unknown.key", Algorithm: "hmac-sha256", Secret: []byte("x")}
	otherAlgorithm := &gatelodge.TransferKey{Name: "first.key", Algorithm: "hmac-sha512", Secret: transferKeys[0].Secret}
	for _, test := range []struct {
		what   string
		rules  func(*gatelodge.Transfer)
		client client
		rcode  int
		code   uint16 // in the reply's TSIG record
		signed bool   // whether the reply is
	}{
		{"the key", nil, client{key: transferKeys[0]}, dns.RcodeSuccess, 0, true},
		{"the key, from its network", here, client{key: transferKeys[0]}, dns.RcodeSuccess, 0, true},
		{"no key", nil, client{}, dns.RcodeRefused, 0, false},
		{"no key is configured", noKey, client{}, dns.RcodeRefused, 0, false},
		{"the key of another zone", nil, client{key: transferKeys[2]}, dns.RcodeRefused, 0, true},
		{"from elsewhere", elsewhere, client{key: transferKeys[0]}, dns.RcodeRefused, 0, true},
		{"an unknown key", nil, client{key: unknown}, dns.RcodeNotAuth, dns.RcodeBadKey, false},
		{"another algorithm", nil, client{key: otherAlgorithm}, dns.RcodeNotAuth, dns.RcodeBadKey, false},
		{"another secret", nil, client{key: transferKeys[0], secret: []byte("wrong")}, dns.RcodeNotAuth, dns.RcodeBadSig, false},
		{"late", nil, client{key: transferKeys[0], at: time.Now().Add(-time.Hour)}, dns.RcodeNotAuth, dns.RcodeBadTime, true},
		{"early", nil, client{key: transferKeys[0], at: time.Now().Add(time.Hour)}, dns.RcodeNotAuth, dns.RcodeBadTime, true},
	} {
		s, _ := startServer(t, Config{}, transferSnapshot(z, test.rules))
		test.client.address = s.Addr("dns").String()
		for _, qtype := range []uint16{dns.TypeAXFR, dns.TypeIXFR} {
			m := new(dns.Msg)
			m.SetAxfr("example.")
			if qtype == dns.TypeIXFR {
				m.SetIxfr("example.", 1, "ns1.example.", "hostmaster.example.")
			}
			reply := test.client.ask(t, "tcp", m)
			record := reply.IsTsig()
			if reply.Rcode != test.rcode || (len(reply.Answer) > 0) != (test.rcode == dns.RcodeSuccess) {
				t.Errorf("%s, %s: %v", test.what, dns.Type(qtype), reply)
			}
			if record == nil != (test.client.key == nil) || record != nil && (record.Error != test.code || record.MACSize > 0 != test.signed) {
				t.Errorf("%s, %s: %v", test.what, dns.Type(qtype), record)
			}
			if test.code == dns.RcodeBadTime && (record.TimeSigned != uint64(test.client.at.Unix()) || len(record.OtherData) != 12) {
				t.Errorf("%s: the reply says nothing of the time here: %v", test.what, record)
			}
		}
	}
}

// TestSignedAnswers: any query may be signed, and its answer is then, truncated or
// not; an update is refused with a key as without (RFC 2136).
func TestSignedAnswers(t *testing.T) {
	text := "@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.1"
	for i := range 50 {
		text += fmt.Sprintf("\nbig TXT %d-%s", i, strings.Repeat("x", 100))
	}
	s, _ := startServer(t, Config{}, transferSnapshot(testZone(t, "example", text), nil))
	for _, key := range transferKeys {
		c := client{address: s.Addr("dns").String(), key: key}
		for _, network := range []string{"udp", "tcp"} {
			for _, qname := range []string{"www.example.", "none.example.", "example.org."} {
				m := new(dns.Msg)
				m.SetQuestion(qname, dns.TypeA)
				withEDNS(1232)(m)
				if reply := c.ask(t, network, m); reply.IsTsig() == nil || reply.IsTsig().MACSize == 0 || reply.IsEdns0() == nil {
					t.Errorf("%s over %s: %v", qname, network, reply)
				}
			}
			m := new(dns.Msg)
			m.SetQuestion("big.example.", dns.TypeTXT)
			if reply := c.ask(t, network, m); reply.Truncated != (network == "udp") || reply.IsTsig() == nil {
				t.Errorf("%v", reply)
			}
			update := new(dns.Msg)
			update.SetUpdate("example.")
			if reply := c.ask(t, network, update); reply.Rcode != dns.RcodeNotImplemented {
				t.Errorf("an update: %v", reply)
			}
		}
	}
}

// TestTransferOverTLS: a zone may ask for it, and it takes TLS 1.3 and ALPN "dot"
// (RFC 9103 §7).
func TestTransferOverTLS(t *testing.T) {
	certificate, roots := testCertificate(t)
	var live gatelodge.Live
	s := New(&live, Config{Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate, nil }})
	z := testZone(t, "example", "@ NS ns1\nns1 A 192.0.2.53")
	live.Swap(transferSnapshot(z, func(x *gatelodge.Transfer) { x.RequireTLS = true }))
	serve(t, s, gatelodge.Listener{Name: "dot", Protocol: gatelodge.DOT, Address: "127.0.0.1:0", Views: []string{"default"}},
		gatelodge.Listener{Name: "dns", Protocol: gatelodge.DNS, Address: "127.0.0.1:0", Views: []string{"default"}})
	query := func() *dns.Msg {
		m := new(dns.Msg)
		m.SetAxfr("example.")
		return m
	}
	c := client{address: s.Addr("dot").String(), key: transferKeys[0], tls: &tls.Config{RootCAs: roots, ServerName: "dns.example", NextProtos: []string{"dot"}}}
	if records, err := c.transfer(query()); err != nil || len(records) != 4 {
		t.Errorf("%v, %v", records, err)
	}
	for what, change := range map[string]func(*tls.Config){
		"TLS 1.2": func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 },
		"no ALPN": func(c *tls.Config) { c.NextProtos = nil },
	} {
		weaker := c
		weaker.tls = c.tls.Clone()
		change(weaker.tls)
		if reply := weaker.ask(t, "tcp-tls", query()); reply.Rcode != dns.RcodeRefused {
			t.Errorf("%s: %v", what, reply)
		}
	}
	c.address, c.tls = s.Addr("dns").String(), nil
	if reply := c.ask(t, "tcp", query()); reply.Rcode != dns.RcodeRefused {
		t.Errorf("without TLS: %v", reply)
	}
}

// TestPrivateZone: it is answered for to those who may transfer it only, also at
// the end of an alias.
func TestPrivateZone(t *testing.T) {
	z := testZone(t, "example", "@ NS ns1\nns1 A 192.0.2.53")
	z.Private = true
	public := testZone(t, "example.org", "@ NS ns1\nns1 A 192.0.2.53\nalias CNAME ns1.example.")
	snapshot := transferSnapshot(z, nil)
	snapshot.Views[0].Zones = append(snapshot.Views[0].Zones, public)
	s, _ := startServer(t, Config{}, snapshot)
	ask := func(key *gatelodge.TransferKey, qname string) *dns.Msg {
		m := new(dns.Msg)
		m.SetQuestion(qname, dns.TypeA)
		return client{address: s.Addr("dns").String(), key: key}.ask(t, "udp", m)
	}
	if reply := ask(nil, "ns1.example."); reply.Rcode != dns.RcodeRefused || len(reply.Answer)+len(reply.Ns) > 0 || reply.Authoritative {
		t.Errorf("without a key: %v", reply)
	}
	if reply := ask(transferKeys[2], "ns1.example."); reply.Rcode != dns.RcodeRefused {
		t.Errorf("with the key of another zone: %v", reply)
	}
	if reply := ask(transferKeys[1], "ns1.example."); len(reply.Answer) != 1 {
		t.Errorf("with the key: %v", reply)
	}
	if reply := ask(nil, "alias.example.org."); len(reply.Answer) != 1 {
		t.Errorf("an alias into it: %v", reply)
	}
}

// TestTransfersAreBounded: one client has only some at a time, and all together
// too.
func TestTransfersAreBounded(t *testing.T) {
	x := newTransfers(nil)
	one := netip.MustParseAddr("192.0.2.1")
	for range transfersAClient {
		if !x.take(one) {
			t.Fatal("a client has no transfer")
		}
	}
	if x.take(one) {
		t.Error("a client has too many transfers")
	}
	x.release(one)
	if !x.take(one) {
		t.Error("a transfer that ended still counts")
	}
	for i := range transfersAtOnce - transfersAClient {
		if !x.take(netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + i)})) {
			t.Fatal("there are too few transfers")
		}
	}
	if x.take(netip.MustParseAddr("192.0.2.2")) {
		t.Error("there are too many transfers")
	}
}
