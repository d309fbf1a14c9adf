package dnsserve

import (
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestSignedQueries: no key is known, and who signs is told so (RFC 8945
// §5.2.1).
func TestSignedQueries(t *testing.T) {
	now := time.Unix(1e9, 0)
	m := new(dns.Msg)
	m.SetQuestion("www.example.", dns.TypeAXFR)
	withEDNS(1232)(m)
	m.SetTsig("key.example.", dns.HmacSHA256, 300, now.Unix())
	signed, _, err := dns.TsigGenerate(m, "c2VjcmV0", "", false)
	if err != nil {
		t.Fatal(err)
	}
	for _, via := range []transport{overUDP, overTCP} {
		out := testResponder(exampleZone(t)).respond(nil, signed, netip.MustParseAddr("192.0.2.7"), via, now)
		reply := new(dns.Msg)
		if err := reply.Unpack(out); err != nil {
			t.Fatal(err)
		}
		tsig := reply.IsTsig()
		if reply.Rcode != dns.RcodeNotAuth || tsig == nil || reply.IsEdns0() == nil {
			t.Fatalf("%s: %v", via, reply)
		}
		if tsig.Error != dns.RcodeBadKey || tsig.MACSize != 0 || tsig.OrigId != m.Id || tsig.Hdr.Name != "key.example." ||
			tsig.Algorithm != dns.HmacSHA256 || tsig.TimeSigned != uint64(now.Unix()) || tsig.Fudge != 300 || tsig.Hdr.Class != dns.ClassANY {
			t.Errorf("%s: %v", via, tsig)
		}
	}

	// A signature is the last record, and the only one of its kind.
	for name, change := range map[string]func(*dns.Msg){
		"two":      func(m *dns.Msg) { m.Extra = append(m.Extra, m.Extra[len(m.Extra)-1]) },
		"not last": func(m *dns.Msg) { m.Extra[0], m.Extra[1] = m.Extra[1], m.Extra[0] },
	} {
		bad := m.Copy()
		bad.SetTsig("key.example.", dns.HmacSHA256, 300, now.Unix())
		change(bad)
		if got := exchange(t, testResponder(exampleZone(t)), bad, overUDP); got.Rcode != dns.RcodeFormatError {
			t.Errorf("%s: %s", name, dns.RcodeToString[got.Rcode])
		}
	}
}
