package dnsserve

import (
	"encoding/hex"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCookieVectors are the examples of RFC 9018 appendix A.
func TestCookieVectors(t *testing.T) {
	for _, test := range []struct {
		client, address, secret string
		time                    int64
		want                    string
	}{
		{"2464c4abcf10c957", "198.51.100.100", "e5e973e5a6b2a43f48e7dc849e37bfcf", 1559731985, "2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
		{"2464c4abcf10c957", "198.51.100.100", "e5e973e5a6b2a43f48e7dc849e37bfcf", 1559734385, "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"},
		{"fc93fc62807ddb86", "203.0.113.203", "e5e973e5a6b2a43f48e7dc849e37bfcf", 1559734700, "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"},
		{"22681ab97d52c298", "2001:db8:220:1:59de:d0f4:8769:82b8", "445536bcd2513298075a5d379663c962", 1559741961, "22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
	} {
		var c cookie
		if !c.read(unhex(t, test.client)) {
			t.Fatal("the client's cookie is refused")
		}
		secret := [16]byte(unhex(t, test.secret))
		got := appendCookie(nil, &c, netip.MustParseAddr(test.address), &secret, time.Unix(test.time, 0))
		if hex.EncodeToString(got) != test.want {
			t.Errorf("%s: %x, want %s", test.address, got, test.want)
		}
	}
}

// TestCookieIsValid for the client that got it, and not for ever.
func TestCookieIsValid(t *testing.T) {
	secret := [16]byte{1, 2, 3} // not the one that is current: it has moved on since
	given := time.Unix(1_700_000_000, 0)
	client := netip.MustParseAddr("192.0.2.7")
	var fresh cookie
	fresh.read([]byte("12345678"))
	option := appendCookie(nil, &fresh, client, &secret, given)

	for _, test := range []struct {
		name   string
		client string
		after  time.Duration
		change func(option []byte) []byte
		want   bool
	}{
		{"at once", "192.0.2.7", 0, nil, true},
		{"over a socket for both families", "::ffff:192.0.2.7", 0, nil, true},
		{"an hour later", "192.0.2.7", time.Hour, nil, true},
		{"too late", "192.0.2.7", time.Hour + time.Second, nil, false},
		{"from a clock that is ahead", "192.0.2.7", -5 * time.Minute, nil, true},
		{"from the future", "192.0.2.7", -6 * time.Minute, nil, false},
		{"another client", "192.0.2.8", 0, nil, false},
		{"another client cookie", "192.0.2.7", 0, func(o []byte) []byte { o[0] ^= 1; return o }, false},
		{"another hash", "192.0.2.7", 0, func(o []byte) []byte { o[23] ^= 1; return o }, false},
		{"another version", "192.0.2.7", 0, func(o []byte) []byte { o[8] = 2; return o }, false},
		{"no server cookie", "192.0.2.7", 0, func(o []byte) []byte { return o[:8] }, false},
		{"a longer server cookie", "192.0.2.7", 0, func(o []byte) []byte { return append(o, 0) }, false},
	} {
		data := append([]byte(nil), option...)
		if test.change != nil {
			data = test.change(data)
		}
		var c cookie
		if !c.read(data) {
			t.Fatalf("%s: the option is refused", test.name)
		}
		if got := c.valid(netip.MustParseAddr(test.client), &cookieSecrets{{9}, secret}, given.Add(test.after)); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

// TestCookieOfAnotherReplica: what one server gave, any other accepts that has
// the keys, also while the two are a generation apart.
func TestCookieOfAnotherReplica(t *testing.T) {
	server := func(keys gatelodge.Keys) *cookieSecrets {
		s := New(new(gatelodge.Live), Config{})
		s.UseCookieKeys(keys)
		return s.secrets.Load()
	}
	k := gatelodge.NewKeys()
	following := gatelodge.Keys{Previous: k.Current, Current: k.Next, Next: gatelodge.NewKeys().Next}
	client, now := netip.MustParseAddr("192.0.2.7"), time.Unix(1_700_000_000, 0)
	for name, c := range map[string]struct {
		gave, asked gatelodge.Keys
		want        bool
	}{
		"the same keys":               {k, k, true},
		"one that has moved on":       {k, following, true},
		"one that has yet to move on": {following, k, true},
		"keys of another gateway":     {gatelodge.NewKeys(), k, false},
	} {
		var fresh, back cookie
		fresh.read([]byte("12345678"))
		back.read(appendCookie(nil, &fresh, client, &server(c.gave)[0], now))
		if got := back.valid(client, server(c.asked), now); got != c.want {
			t.Errorf("%s: accepted: %t", name, got)
		}
	}
}

func TestCookieComesBackWithAServerCookie(t *testing.T) {
	m := new(dns.Msg)
	m.SetQuestion("www.example.", dns.TypeA)
	withEDNS(1232, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"})(m)
	opt := exchange(t, testResponder(exampleZone(t)), m, overUDP).IsEdns0()
	if len(opt.Option) != 1 {
		t.Fatalf("options %v", opt.Option)
	}
	got, ok := opt.Option[0].(*dns.EDNS0_COOKIE)
	if !ok || len(got.Cookie) != 48 || got.Cookie[:16] != "0102030405060708" {
		t.Errorf("cookie %v", opt.Option[0])
	}
}
