package gatelodge_test

import (
	"net/url"
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
		{"/%", "/%25"}, // no path that is asked for, but no reason to panic
		{"/%4", "/%254"},
	} {
		if got := gatelodge.PathForm(test.path); got != test.want {
			t.Errorf("%q: got %q, want %q", test.path, got, test.want)
		}
	}
}

func TestPathFormAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { gatelodge.PathForm("/a/b-c/%20/d%2Fe") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzPathForm: the form of a path means what the path means, and has itself for
// a form.
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
