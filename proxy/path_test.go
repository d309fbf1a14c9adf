package proxy

import (
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
)

func TestCanonicalPath(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{in: "/", want: "/"},
		{in: "/a/b", want: "/a/b"},
		{in: "//a//b/", want: "//a//b/"},
		{in: "/a;v=1/b", want: "/a;v=1/b"},
		{in: "/.well-known/x", want: "/.well-known/x"},
		{in: "/...", want: "/..."},
		{in: "/caf%C3%A9", want: "/caf%C3%A9"},
		{in: "/caf%c3%a9", want: "/caf%c3%a9"},
		{in: "/a%2Fb", want: "/a%2Fb"},
		{in: "/a%2fb", want: "/a%2fb"},
		{in: "/a%5Cb", want: "/a%5Cb"},
		{in: "/%61%7E%2D%2e%5F", want: "/a~-._"},
		{in: "/a%20%61", want: "/a%20a"},
		{in: "/a/./b", want: "/a/b"},
		{in: "/a/../b", want: "/b"},
		{in: "/a/%2e%2E/b", want: "/b"},
		{in: "/a/.%2e/b", want: "/b"},
		{in: "/../../b", want: "/b"},
		{in: "/a/.", want: "/a/"},
		{in: "/a/..", want: "/"},
		{in: "/a/b/..", want: "/a/"},
		{in: "/a//../b", want: "/a/b"},
		{in: "/.", want: "/"},
		{in: "/..", want: "/"},
		{in: "/%252e%252e/", want: "/%252e%252e/"},
		{in: "", err: "slash"},
		{in: "*", err: "slash"},
		{in: "a", err: "slash"},
		{in: "/a%00", err: "NUL"},
		{in: "/a\\b", err: "character"},
		{in: "/a b", err: "character"},
		{in: "/a\tb", err: "character"},
		{in: "/a#b", err: "character"},
		{in: "/a%", err: "percent"},
		{in: "/a%2", err: "percent"},
		{in: "/a%zz", err: "percent"},
		{in: "/a/..%2Fb", err: "dot segment"},
		{in: "/a%2f..", err: "dot segment"},
		{in: "/a%2f%2e%2e%2fb", err: "dot segment"},
		{in: "/.%5cb", err: "dot segment"},
		{in: "/x%5C..%2fy", err: "dot segment"},
	} {
		got, err := canonicalPath(c.in)
		switch {
		case c.err != "":
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q: got %q, %v, want an error about %q", c.in, got, err, c.err)
			}
		case err != nil || got != c.want:
			t.Errorf("%q: got %q, %v, want %q", c.in, got, err, c.want)
		}
	}
}

// FuzzCanonicalPath: what was matched is what a backend reads, however it
// decodes: a canonical path stays as it is and has no dot segment left.
func FuzzCanonicalPath(f *testing.F) {
	for _, seed := range []string{"/", "/a/../b", "/%2e%2e/%2F", "/a%2f..%5c", "/./%61//"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		once, err := canonicalPath(path)
		if err != nil {
			return
		}
		twice, err := canonicalPath(once)
		if err != nil || twice != once {
			t.Fatalf("%q became %q and then %q, %v", path, once, twice, err)
		}
		decoded := strings.NewReplacer("%2f", "/", "%2F", "/", "%5c", "/", "%5C", "/").Replace(once)
		for segment := range strings.SplitSeq(decoded, "/") {
			if segment == "." || segment == ".." {
				t.Fatalf("%q became %q, which has a dot segment", path, once)
			}
		}
	})
}

func TestCanonicalFormsAllocateNothing(t *testing.T) {
	n := testing.AllocsPerRun(100, func() {
		_, _ = canonicalPath("/.well-known/a%2Fb/%20")
		_, _ = canonicalHost("app.example.com:8080")
	})
	if n != 0 {
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
