package gatelodge_test

import (
	"net/url"
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
)

func TestPathForm(t *testing.T) {
	for _, test := range []struct{ path, want string }{
		{"/", "/"},
		{"/a//b/", "/a//b/"},
		{"/a-._~!$&'()*+,;=:@b", "/a-._~!$&'()*+,;=:@b"},
		{"/%61%7E%2D", "/a~-"},
		{"/a%2bb%28c%29", "/a+b(c)"},
		{"/a%2fb", "/a%2Fb"},
		{"/a%2Fb", "/a%2Fb"},
		{"/100%25", "/100%25"},
		{"/a%3fb%23", "/a%3Fb%23"},
		{"/caf%c3%a9", "/caf%C3%A9"},
		{"/café", "/caf%C3%A9"},
		{"/a|b\"<>^`{}", "/a%7Cb%22%3C%3E%5E%60%7B%7D"},
		{"/%", "/%25"}, // not valid in a request, but must not panic
		{"/%4", "/%254"},
		{"/%zz", "/%25zz"},
	} {
		if got := gatelodge.PathForm(test.path); got != test.want {
			t.Errorf("%q: got %q, want %q", test.path, got, test.want)
		}
	}
}

func TestCanonicalPathsAllocateNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() {
		gatelodge.PathForm("/a/b-c/%20/d%2Fe")
		_, _ = gatelodge.CanonicalPath("/.well-known/a%2Fb/%20")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzPathForm: the form of a path decodes to the same bytes, and is its own form.
func FuzzPathForm(f *testing.F) {
	f.Add("/a%2Bb%2f", "/a+b%2F")
	f.Add("/caf\xc3\xa9", "/caf%c3%a9")
	f.Fuzz(func(t *testing.T, a, b string) {
		decodedA, errA := url.PathUnescape(a)
		decodedB, errB := url.PathUnescape(b)
		if errA != nil || errB != nil {
			return
		}
		formA, formB := gatelodge.PathForm(a), gatelodge.PathForm(b)
		if again := gatelodge.PathForm(formA); again != formA {
			t.Fatalf("%q became %q and then %q", a, formA, again)
		}
		if decoded, err := url.PathUnescape(formA); err != nil || decoded != decodedA {
			t.Fatalf("%q became %q, which is %q, %v", a, formA, decoded, err)
		}
		if formA == formB && decodedA != decodedB {
			t.Fatalf("%q and %q have one form, %q", a, b, formA)
		}
	})
}

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
		{in: "", err: "start"},
		{in: "*", err: "start"},
		{in: "a", err: "start"},
		{in: "/a%00", err: "zero byte"},
		{in: "/a\\b", err: "backslash"},
		{in: "/a b", err: "control character"},
		{in: "/a\tb", err: "control character"},
		{in: "/a#b", err: "ends the path"},
		{in: "/a%", err: `"%"`},
		{in: "/a%2", err: `"%"`},
		{in: "/a%zz", err: `"%"`},
		{in: "/a/..%2Fb", err: "dot segment"},
		{in: "/a%2f..", err: "dot segment"},
		{in: "/a%2f%2e%2e%2fb", err: "dot segment"},
		{in: "/.%5cb", err: "dot segment"},
		{in: "/x%5C..%2fy", err: "dot segment"},
	} {
		got, err := gatelodge.CanonicalPath(c.in)
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

// FuzzCanonicalPath: a backend reads the path that was matched, however it decodes:
// a canonical path is its own canonical form and has no dot segment left.
func FuzzCanonicalPath(f *testing.F) {
	for _, seed := range []string{"/", "/a/../b", "/%2e%2e/%2F", "/a%2f..%5c", "/./%61//"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		once, err := gatelodge.CanonicalPath(path)
		if err != nil {
			return
		}
		twice, err := gatelodge.CanonicalPath(once)
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

func TestRoutePath(t *testing.T) {
	for _, test := range []struct{ path, want, err string }{
		{path: "/", want: "/"},
		{path: "/a/b/", want: "/a/b/"},
		{path: "/a//b", want: "/a//b"},
		{path: "/.", want: "/"},
		{path: "/..", want: "/"},
		{path: "/a/..", want: "/"},
		{path: "/a/b/..", want: "/a/"},
		{path: "/a/./b", want: "/a/b"},
		{path: "/../../a", want: "/a"},
		{path: "/a/%2e%2E/b", want: "/b"},
		{path: "/...", want: "/..."},
		{path: "/.well-known/x", want: "/.well-known/x"},
		{path: "/%41%7e", want: "/A~"},
		{path: "/a%2fb", want: "/a%2Fb"},
		{path: "/a%2bb", want: "/a+b"},
		{path: "/a b", want: "/a%20b"},
		{path: "/é", want: "/%C3%A9"},
		{path: "/a(.*)", want: "/a(.*)"},
		{path: "", err: `does not start with "/"`},
		{path: "a", err: `does not start with "/"`},
		{path: "/%4", err: `has "%" at byte 2 without two hexadecimal digits after it`},
		{path: "/a%2F..%2Fb", err: "hides a dot segment behind an encoded slash or backslash, which no request may"},
		{path: "/..%5cb", err: "hides a dot segment behind an encoded slash or backslash, which no request may"},
		{path: "/%00", err: "holds a zero byte, which no request may"},
		{path: "/\x00", err: "holds a zero byte, which no request may"},
		{path: "/a?b", err: `holds '?', which ends the path of a URL`},
		{path: "/a#b", err: `holds '#', which ends the path of a URL`},
		{path: `/a\b`, err: "holds a backslash, which no request may"},
	} {
		got, err := gatelodge.RoutePath(test.path)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != test.want || text != test.err {
			t.Errorf("%q: %q, %q; want %q, %q", test.path, got, text, test.want, test.err)
		}
	}
}

// FuzzRoutePath: the path of a route is its own form, and a request for it has the
// same form.
func FuzzRoutePath(f *testing.F) {
	for _, path := range []string{"/", "/a/../b/.", "/%2e%2E/a", "/%2F..", "/ü", "/a//", "/%", "/a b"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		route, err := gatelodge.RoutePath(path)
		if err != nil {
			return
		}
		if again, err := gatelodge.RoutePath(route); err != nil || again != route {
			t.Fatalf("%q becomes %q and then %q, %v", path, route, again, err)
		}
		request, err := gatelodge.CanonicalPath(route)
		if err != nil || gatelodge.PathForm(request) != route {
			t.Fatalf("%q becomes %q, and a request for that %q, %v", path, route, gatelodge.PathForm(request), err)
		}
	})
}

// FuzzRequestMeetsRoute: a path in a request and in a route has one form, if both
// may be written at all, so no spelling lets a request evade a route.
func FuzzRequestMeetsRoute(f *testing.F) {
	for _, path := range []string{"/", "/a/../b/.", "/%2e%2E/a", "/%2F..", "/%C3%BC", "/a//", "/a%2Bb"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		request, err := gatelodge.CanonicalPath(path)
		if err != nil {
			return
		}
		if route, err := gatelodge.RoutePath(path); err != nil || route != gatelodge.PathForm(request) {
			t.Fatalf("%q is compared as %q in a request, and as %q in a route, %v", path, gatelodge.PathForm(request), route, err)
		}
	})
}
