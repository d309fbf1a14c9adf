package gatelodge

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

func networks(text string) Networks {
	var prefixes []netip.Prefix
	for item := range strings.FieldsSeq(text) {
		prefixes = append(prefixes, netip.MustParsePrefix(item))
	}
	return NetworksOf(prefixes...)
}

// TestNetworksAreOneForm: equal sets are equal Networks, however they were written.
func TestNetworksAreOneForm(t *testing.T) {
	for _, c := range []struct {
		written, want string
		everything    bool
	}{
		{written: ""},
		{written: "10.1.2.3/8", want: "10.0.0.0/8"},
		{written: "192.0.2.1/32 192.0.2.0/32", want: "192.0.2.0/31"},
		{written: "192.0.2.2/32 192.0.2.1/32", want: "192.0.2.1/32,192.0.2.2/32"}, // adjacent, but not the halves of one prefix
		{written: "10.1.0.0/16 10.0.0.0/8 10.2.0.0/16", want: "10.0.0.0/8"},
		{written: "10.0.0.0/9 10.128.0.0/10 10.192.0.0/10", want: "10.0.0.0/8"},
		{written: "2001:db8::/32 10.0.0.0/8", want: "10.0.0.0/8,2001:db8::/32"},
		{written: "0.0.0.0/0", want: "0.0.0.0/0"},
		{written: "::/0", want: "::/0"},
		{written: "0.0.0.0/0 ::/0", want: "0.0.0.0/0,::/0", everything: true},
		{written: "::1/0 1.2.3.4/0 10.0.0.0/8", want: "0.0.0.0/0,::/0", everything: true},
		{written: "128.0.0.0/1 0.0.0.0/1 8000::/1 ::/2 4000::/2", want: "0.0.0.0/0,::/0", everything: true},
		{written: "0.0.0.0/1 8000::/1 ::/1", want: "0.0.0.0/1,::/0"},
	} {
		got := networks(c.written)
		if got.String() != c.want || got.IsEverything() != c.everything {
			t.Errorf("%q: got %s, everything %v", c.written, got, got.IsEverything())
		}
	}
}

// TestNetworksContain compares Contains with a linear search.
func TestNetworksContain(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	address := func() netip.Addr {
		if random.IntN(2) == 0 {
			return netip.AddrFrom4([4]byte{10, byte(random.IntN(3)), byte(random.IntN(256))})
		}
		return netip.AddrFrom16([16]byte{0xfe, 0x80, byte(random.IntN(3)), byte(random.IntN(256))})
	}
	for range 500 {
		prefixes := make([]netip.Prefix, random.IntN(12))
		for i := range prefixes {
			prefixes[i] = netip.PrefixFrom(address(), 8+random.IntN(20))
		}
		set := NetworksOf(prefixes...)
		for range 100 {
			a, want := address(), false
			for _, p := range prefixes {
				want = want || p.Contains(a)
			}
			if set.Contains(a) != want {
				t.Fatalf("%s in %s: got %v", a, set, !want)
			}
		}
	}
	if !networks("fe80::/10").Contains(netip.MustParseAddr("fe80::1%eth0")) {
		t.Error("an address with a zone is not found in its network")
	}
	if networks("10.0.0.0/8 ::/0").Contains(netip.Addr{}) {
		t.Error("no address is in a network")
	}
}
