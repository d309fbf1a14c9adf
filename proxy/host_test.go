package proxy

import (
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
)

func TestCanonicalHostAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { _, _ = canonicalHost("app.example.com:8080") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCanonicalHost(t *testing.T) {
	for _, c := range []struct {
		in   string
		want gatelodge.Name
		bad  bool
	}{
		{in: "app.example.com", want: "app.example.com"},
		{in: "App.Example.COM:443", want: "app.example.com"},
		{in: "app.example.com.", want: "app.example.com"},
		{in: "app.example.com.:80", want: "app.example.com"},
		{in: "app.example.com:", want: "app.example.com"},
		{in: "localhost", want: "localhost"},
		{in: "192.0.2.1:80", want: "192.0.2.1"},
		{in: "[2001:db8::1]:80", want: "[2001:db8::1]"},
		{in: "", want: ""},
		{in: "a_b.example.com", want: "a_b.example.com"},
		{in: "2001:db8::1", bad: true},
		{in: "[2001:db8::1", bad: true},
		{in: "[app]", bad: true},
		{in: "a..b", bad: true},
		{in: ".a", bad: true},
		{in: "*.a", bad: true},
		{in: "a/b", bad: true},
		{in: "user@a", bad: true},
		{in: "a:80x", bad: true},
		{in: "a:123456", bad: true},
		{in: strings.Repeat("a", 254), bad: true},
	} {
		got, ok := canonicalHost(c.in)
		if ok == c.bad || ok && got != c.want {
			t.Errorf("%q: got %q, %v, want %q", c.in, got, ok, c.want)
		}
	}
}
