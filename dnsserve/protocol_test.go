package dnsserve

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// noEDNS, and so on, are changes to a query for www.example. A.
func noEDNS(*dns.Msg) {}

func withEDNS(size uint16, options ...dns.EDNS0) func(*dns.Msg) {
	return func(m *dns.Msg) {
		m.SetEdns0(size, false)
		opt := m.IsEdns0()
		opt.Option = options
	}
}

// TestProbes are those of RFC 8906 §8, and more of their kind: what is unusual
// gets the answer that the standards give it, never silence.
func TestProbes(t *testing.T) {
	for _, test := range []struct {
		probe  string
		change func(*dns.Msg)
		rcode  int
		answer bool // the A record is in it
		edns   bool // an OPT record is in it
	}{
		{"plain", noEDNS, dns.RcodeSuccess, true, false},
		{"unknown type (§8.1.2)", func(m *dns.Msg) { m.Question[0].Qtype = 1000 }, dns.RcodeSuccess, false, false},
		{"header bit CD (§8.1.3.1)", func(m *dns.Msg) { m.CheckingDisabled = true }, dns.RcodeSuccess, true, false},
		{"header bit AD (§8.1.3.1)", func(m *dns.Msg) { m.AuthenticatedData = true }, dns.RcodeSuccess, true, false},
		{"header bit Z (§8.1.3.2)", func(m *dns.Msg) { m.Zero = true }, dns.RcodeSuccess, true, false},
		{"header bit RD (§8.1.3.3)", func(m *dns.Msg) { m.RecursionDesired = true }, dns.RcodeSuccess, true, false},
		{"unknown opcode (§8.1.4)", func(m *dns.Msg) { m.Opcode, m.Question = 15, nil }, dns.RcodeNotImplemented, false, false},
		{"NOTIFY", func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }, dns.RcodeNotImplemented, false, false},
		{"UPDATE", func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }, dns.RcodeNotImplemented, false, false},
		{"EDNS (§8.2.1)", withEDNS(4096), dns.RcodeSuccess, true, true},
		{"EDNS version 1 (§8.2.2)", func(m *dns.Msg) { withEDNS(4096)(m); m.IsEdns0().SetVersion(1) }, dns.RcodeBadVers, false, true},
		{"unknown option (§8.2.3)", withEDNS(4096, &dns.EDNS0_LOCAL{Code: 100}), dns.RcodeSuccess, true, true},
		{"unknown flag (§8.2.4)", func(m *dns.Msg) { withEDNS(4096)(m); m.IsEdns0().SetZ(0x40) }, dns.RcodeSuccess, true, true},
		{"version 1, unknown flag (§8.2.5)", func(m *dns.Msg) {
			withEDNS(4096)(m)
			m.IsEdns0().SetVersion(1)
			m.IsEdns0().SetZ(0x40)
		}, dns.RcodeBadVers, false, true},
		{"version 1, unknown option (§8.2.6)", func(m *dns.Msg) {
			withEDNS(4096, &dns.EDNS0_LOCAL{Code: 100})(m)
			m.IsEdns0().SetVersion(1)
		}, dns.RcodeBadVers, false, true},
		{"DO bit (§8.2.7)", func(m *dns.Msg) { m.SetEdns0(4096, true) }, dns.RcodeSuccess, true, true},
		{"many options (§8.2.9)", withEDNS(4096, &dns.EDNS0_NSID{Code: dns.EDNS0NSID}, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"},
			&dns.EDNS0_EXPIRE{Code: dns.EDNS0EXPIRE, Empty: true}, &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 0, Address: []byte{0, 0, 0, 0}}), dns.RcodeSuccess, true, true},
		{"cookie of a wrong length (RFC 7873 §5.2.2)", withEDNS(4096, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "01020304050607"}), dns.RcodeFormatError, false, true},
		{"two OPT records", func(m *dns.Msg) { withEDNS(4096)(m); withEDNS(4096)(m) }, dns.RcodeFormatError, false, true},
		{"no question", func(m *dns.Msg) { m.Question = nil }, dns.RcodeFormatError, false, false},
		{"no question, a cookie (RFC 7873 §5.4)", func(m *dns.Msg) {
			m.Question = nil
			withEDNS(4096, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"})(m)
		}, dns.RcodeSuccess, false, true},
		{"two questions", func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }, dns.RcodeFormatError, false, false},
		{"an answer in the query", func(m *dns.Msg) {
			m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeA, Class: dns.ClassINET}}}
		}, dns.RcodeFormatError, false, false},
		{"class CH", func(m *dns.Msg) {
			m.Question[0] = dns.Question{Name: "version.bind.", Qtype: dns.TypeTXT, Qclass: dns.ClassCHAOS}
		}, dns.RcodeRefused, false, false},
		{"class ANY", func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassANY }, dns.RcodeRefused, false, false},
		{"AXFR", func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAXFR }, dns.RcodeRefused, false, false},
	} {
		t.Run(test.probe, func(t *testing.T) {
			m := new(dns.Msg)
			m.SetQuestion("www.example.", dns.TypeA)
			m.RecursionDesired = false
			test.change(m)
			for _, via := range []transport{overUDP, overTCP} {
				reply := exchange(t, testResponder(exampleZone(t)), m, via)
				if reply.Rcode != test.rcode {
					t.Errorf("%s: %s, want %s", via, dns.RcodeToString[reply.Rcode], dns.RcodeToString[test.rcode])
				}
				if got := len(reply.Answer) == 1; got != test.answer {
					t.Errorf("%s: answer %v", via, reply.Answer)
				}
				opt := reply.IsEdns0()
				if (opt != nil) != test.edns {
					t.Fatalf("%s: OPT record %v", via, opt)
				}
				if opt != nil && (opt.Version() != 0 || opt.Z() != 0 || opt.UDPSize() != maxUDP || opt.Do() != m.IsEdns0().Do()) {
					t.Errorf("%s: OPT record %v", via, opt)
				}
				if reply.RecursionAvailable || reply.Zero || reply.AuthenticatedData || reply.Opcode != m.Opcode ||
					m.Opcode == 0 && (reply.RecursionDesired != m.RecursionDesired || reply.CheckingDisabled != m.CheckingDisabled) {
					t.Errorf("%s: flags of %v", via, reply)
				}
			}
		})
	}
}

// exampleZone has one host.
func exampleZone(tb testing.TB) *zone {
	tb.Helper()
	z, err := loadZone("example. 60 IN SOA ns1.example. hostmaster.example. 7 14400 3600 1209600 5\n" +
		"example. 60 IN NS ns1.example.\nns1.example. 60 IN A 192.0.2.53\nwww.example. 60 IN A 192.0.2.1")
	if err != nil {
		tb.Fatal(err)
	}
	return z
}

// TestNoReply: what is no query gets no reply, so that servers can't be set
// upon each other.
func TestNoReply(t *testing.T) {
	reply := plainQuery(t, "www.example.", dns.TypeA, func(m *dns.Msg) { m.Response = true })
	for name, message := range map[string][]byte{
		"nothing":      {},
		"short header": make([]byte, headerSize-1),
		"a reply":      reply,
	} {
		if out := testResponder(exampleZone(t)).respond(nil, message, netip.Addr{}, overUDP, time.Now()); out != nil {
			t.Errorf("%s is answered with %x", name, out)
		}
	}
}

// TestMalformed: what can't be read is FORMERR, with the query's id.
func TestMalformed(t *testing.T) {
	header := "abcd 0000 0001 0000 0000 0000"
	for name, message := range map[string]string{
		"cut in the name":           header + "03 7777",
		"cut before the class":      header + "03 777777 00 0001",
		"a pointer to itself":       header + "c00c 0001 0001",
		"a pointer behind":          header + "03 777777 c010 0001 0001",
		"a label of 64 octets":      header + "40" + strings.Repeat("61", 64) + "00 0001 0001",
		"a name of 256 octets":      header + strings.Repeat("3f"+strings.Repeat("61", 63), 3) + "3e" + strings.Repeat("61", 62) + "00 0001 0001",
		"a record that is short":    "abcd 0000 0001 0000 0000 0001 03 777777 00 0001 0001 00 0029",
		"data that is short":        "abcd 0000 0001 0000 0000 0001 03 777777 00 0001 0001 00 0029 04d0 00000000 0004 0000",
		"an option that is short":   "abcd 0000 0001 0000 0000 0001 03 777777 00 0001 0001 00 0029 04d0 00000000 0004 000a 0008",
		"records that are missing":  "abcd 0000 0001 0000 0000 ffff 03 777777 00 0001 0001",
		"an OPT record with a name": "abcd 0000 0001 0000 0000 0001 03 777777 00 0001 0001 0161 00 0029 04d0 00000000 0000",
	} {
		wire, err := hex.DecodeString(strings.ReplaceAll(message, " ", ""))
		if err != nil {
			t.Fatal(name, err)
		}
		out := testResponder(exampleZone(t)).respond(nil, wire, netip.MustParseAddr("192.0.2.7"), overUDP, time.Now())
		if len(out) < headerSize || binary.BigEndian.Uint16(out) != 0xabcd || out[3]&0xf != dns.RcodeFormatError {
			t.Errorf("%s: %x, want FORMERR", name, out)
		}
	}
}

// TestTrailingOctets: what follows the counted records changes nothing.
func TestTrailingOctets(t *testing.T) {
	plain := plainQuery(t, "www.example.", dns.TypeA)
	r := testResponder(exampleZone(t))
	want := r.respond(nil, plain, netip.Addr{}, overUDP, time.Now())
	if got := r.respond(nil, append(plain, 0xc0, 0x0c, 0xff), netip.Addr{}, overUDP, time.Now()); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

// TestQuestionComesBackAsAsked: its letters keep their case, by which resolvers
// know a forged reply.
func TestQuestionComesBackAsAsked(t *testing.T) {
	for _, qname := range []string{"wWw.ExAmPlE.", "NoNe.ExAmPlE.", "eXample.", "WWW.ELSEWHERE."} {
		m := new(dns.Msg)
		m.SetQuestion(qname, dns.TypeA)
		reply := exchange(t, testResponder(exampleZone(t)), m, overUDP)
		if reply.Question[0].Name != qname {
			t.Errorf("%s comes back as %s", qname, reply.Question[0].Name)
		}
		if len(reply.Answer) > 0 && reply.Answer[0].Header().Name != qname {
			t.Errorf("the answer to %s is owned by %s", qname, reply.Answer[0].Header().Name)
		}
	}
}

// TestNSIDIsGivenToThoseWhoAsk: and to them only where the operator lets it be
// told, for it names a pod.
func TestNSIDIsGivenToThoseWhoAsk(t *testing.T) {
	for _, test := range []struct {
		identity    string
		told, asked bool
		want        string
	}{
		{"gatelodge-0", true, true, hex.EncodeToString([]byte("gatelodge-0"))},
		{"gatelodge-0", true, false, ""},
		{"gatelodge-0", false, true, ""},
		{"", true, true, ""},
	} {
		r := testResponder(exampleZone(t))
		r.identity, r.table().nsid = test.identity, test.told
		var options []dns.EDNS0
		if test.asked {
			options = append(options, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
		}
		m := new(dns.Msg)
		m.SetQuestion("www.example.", dns.TypeA)
		withEDNS(1232, options...)(m)
		got := ""
		for _, o := range exchange(t, r, m, overUDP).IsEdns0().Option {
			if nsid, ok := o.(*dns.EDNS0_NSID); ok {
				got = nsid.Nsid
			}
		}
		if got != test.want {
			t.Errorf("identity %q, told %v, asked %v: %q, want %q", test.identity, test.told, test.asked, got, test.want)
		}
	}
}

// TestExtendedErrors: a failure says why, to those who understand EDNS.
func TestExtendedErrors(t *testing.T) {
	unready := &responder{table: func() *table { return nil }, views: []string{"test"}, secrets: func() *cookieSecrets { return new(cookieSecrets) }}
	noView := testResponder(exampleZone(t))
	noView.views = []string{"another"}
	for _, test := range []struct {
		name   string
		r      *responder
		change func(*dns.Msg)
		rcode  int
		code   uint16
	}{
		{"before the first snapshot", unready, noEDNS, dns.RcodeServerFailure, dns.ExtendedErrorCodeNotReady},
		{"a view that is not there", noView, noEDNS, dns.RcodeRefused, dns.ExtendedErrorCodeNotAuthoritative},
		{"a name elsewhere", testResponder(exampleZone(t)), func(m *dns.Msg) { m.Question[0].Name = "www.elsewhere." }, dns.RcodeRefused, dns.ExtendedErrorCodeNotAuthoritative},
		{"a transfer", testResponder(exampleZone(t)), func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAXFR }, dns.RcodeRefused, dns.ExtendedErrorCodeProhibited},
		{"a class", testResponder(exampleZone(t)), func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassHESIOD }, dns.RcodeRefused, dns.ExtendedErrorCodeNotSupported},
	} {
		m := new(dns.Msg)
		m.SetQuestion("www.example.", dns.TypeA)
		withEDNS(1232)(m)
		test.change(m)
		reply := exchange(t, test.r, m, overUDP)
		var got *dns.EDNS0_EDE
		for _, o := range reply.IsEdns0().Option {
			got, _ = o.(*dns.EDNS0_EDE)
		}
		if reply.Rcode != test.rcode || got == nil || got.InfoCode != test.code || got.ExtraText == "" {
			t.Errorf("%s: %s with %v, want %s with code %d and a text", test.name, dns.RcodeToString[reply.Rcode], got, dns.RcodeToString[test.rcode], test.code)
		}
	}
}
