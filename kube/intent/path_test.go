package intent

import (
	"testing"
)

func TestCanonicalPath(t *testing.T) {
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
		got, err := CanonicalPath(test.path)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != test.want || text != test.err {
			t.Errorf("%q: %q, %q; want %q, %q", test.path, got, text, test.want, test.err)
		}
	}
}
