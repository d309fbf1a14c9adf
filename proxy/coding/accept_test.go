package coding

import (
	"testing"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

func TestChoose(t *testing.T) {
	all := gatelodge.AllCodings() // zstd, br, gzip
	for _, c := range []struct {
		fields []string
		want   gatelodge.Coding
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{"gzip"}, "gzip"},
		{[]string{"GZip"}, "gzip"},
		{[]string{"x-gzip"}, "gzip"},
		{[]string{"gzip, deflate, br, zstd"}, "zstd"},
		{[]string{"gzip, deflate, br"}, "br"},
		{[]string{"gzip", "br"}, "br"},
		{[]string{"gzip;q=1.0, br;q=0.9"}, "gzip"},
		{[]string{"gzip ; q=0.001 ,br;q=0"}, "gzip"},
		{[]string{"gzip;Q=0.5"}, "gzip"},
		{[]string{"gzip;q=0"}, ""},
		{[]string{"gzip;q=0.000"}, ""},
		{[]string{"*"}, "zstd"},
		{[]string{"*;q=0"}, ""},
		{[]string{"zstd;q=0, *"}, "br"},
		{[]string{"gzip, *;q=0"}, "gzip"},
		{[]string{"identity"}, ""},
		{[]string{"identity, gzip"}, ""},           // equally liked, and it is free
		{[]string{"identity;q=0.5, gzip"}, "gzip"}, // RFC 9110 §12.5.3: the highest weight is preferred
		{[]string{"identity;q=1, gzip;q=0.8"}, ""},
		{[]string{"identity;q=0, gzip;q=0.1"}, "gzip"},
		{[]string{"identity;q=0"}, ""},
		{[]string{"deflate, compress"}, ""},
		{[]string{"gzip;q=2"}, ""},
		{[]string{"gzip;q=0.1234"}, ""},
		{[]string{"gzip;q=1.001"}, ""},
		{[]string{"gzip;q=-1"}, ""},
		{[]string{"gzip;q="}, ""},
		{[]string{"gzip;level=9"}, ""},
		{[]string{",, ;q=1, gzip;;, br"}, "br"},
		{[]string{"gzippy, abr"}, ""},
	} {
		var header exchange.Fields
		for _, value := range c.fields {
			header.Add("accept", "gzip")
			header.Add("accept-encoding", value)
		}
		if got := Choose(header, all); got != c.want {
			t.Errorf("%q: %q, want %q", c.fields, got, c.want)
		}
	}
	if got := Choose(exchange.Fields{{Name: "accept-encoding", Value: "zstd, br, gzip"}}, []gatelodge.Coding{"gzip", "br"}); got != "gzip" {
		t.Errorf("where gzip is preferred: %q", got)
	}
}

// TestChooseAllocatesNothing: every request of a route with compression comes here.
func TestChooseAllocatesNothing(t *testing.T) {
	header := exchange.Fields{{Name: "accept-encoding", Value: "gzip, deflate, br;q=0.5, zstd;q=0.1"}}
	codings := gatelodge.AllCodings()
	if n := testing.AllocsPerRun(100, func() { Choose(header, codings) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzChoose(f *testing.F) {
	f.Add("gzip;q=0.5, *")
	f.Fuzz(func(t *testing.T, value string) {
		Choose(exchange.Fields{{Name: "accept-encoding", Value: value}}, gatelodge.AllCodings())
	})
}
