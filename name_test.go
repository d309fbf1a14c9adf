package gatelodge_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
)

func TestParseName(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{in: "app.example.com", want: "app.example.com"},
		{in: "App.EXAMPLE.com.", want: "app.example.com"},
		{in: "*.example.com", want: "*.example.com"},
		{in: "_acme-challenge.example.com", want: "_acme-challenge.example.com"},
		{in: "localhost", want: "localhost"},
		{in: "1.2.3.4", want: "1.2.3.4"},
		{in: "", err: "empty"},
		{in: ".", err: "empty"},
		{in: "a..b", err: "label is empty"},
		{in: "-a.b", err: "hyphen"},
		{in: "a-.b", err: "hyphen"},
		{in: "a.*.b", err: "first label"},
		{in: "a*.b", err: `'*'`},
		{in: "a b.c", err: `' '`},
		{in: "bücher.example", err: "is not a letter"},
		{in: "a\x00.b", err: "is not a letter"},
		{in: strings.Repeat("a", 64) + ".b", err: "the most is 63"},
		{in: strings.Repeat("a.", 127) + "a", err: "the most is 253"},
	} {
		got, err := gatelodge.ParseName(c.in)
		switch {
		case c.err == "" && (err != nil || string(got) != c.want):
			t.Errorf("ParseName(%q) = %q, %v; want %q", c.in, got, err, c.want)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("ParseName(%q): error %v, want one that says %q", c.in, err, c.err)
		}
	}
}

func TestWildcardStandsForOneLabel(t *testing.T) {
	for _, c := range []struct {
		name, host gatelodge.Name
		want       bool
	}{
		{"*.example.com", "a.example.com", true},
		{"*.example.com", "b.a.example.com", false},
		{"*.example.com", "example.com", false},
		{"*.example.com", "*.example.com", true},
		{"*.example.com", "aexample.com", false},
		{"a.example.com", "a.example.com", true},
		{"a.example.com", "b.example.com", false},
	} {
		if got := c.name.Matches(c.host); got != c.want {
			t.Errorf("%q.Matches(%q) = %t", c.name, c.host, got)
		}
	}
}

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		name, zone gatelodge.Name
		want       bool
	}{
		{"a.example.com", "example.com", true},
		{"example.com", "example.com", true},
		{"badexample.com", "example.com", false},
		{"com", "example.com", false},
		{"example.com", "", true},
	} {
		if got := c.name.Within(c.zone); got != c.want {
			t.Errorf("%q.Within(%q) = %t", c.name, c.zone, got)
		}
	}
}

// TestCompareIsCanonicalOrder uses those names from the example of RFC 4034 §6.1
// that are host names.
func TestCompareIsCanonicalOrder(t *testing.T) {
	want := []gatelodge.Name{"", "example", "a.example", "yljkjljk.a.example", "z.a.example", "zabc.a.example", "*.z.example", "a.z.example", "z.example.a"}
	slices.SortFunc(want, gatelodge.Name.Compare)
	for i, n := range []gatelodge.Name{"", "z.example.a", "example", "a.example", "yljkjljk.a.example", "z.a.example", "zabc.a.example", "*.z.example", "a.z.example"} {
		if want[i] != n {
			t.Fatalf("sorted: %q, at %d want %q", want, i, n)
		}
	}
	shuffled := slices.Clone(want)
	rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	slices.SortFunc(shuffled, gatelodge.Name.Compare)
	if !slices.Equal(shuffled, want) {
		t.Errorf("the order depends on the start: %q", shuffled)
	}
}

func TestRouteMatchesByPathElement(t *testing.T) {
	for _, c := range []struct {
		match gatelodge.PathMatch
		route string
		path  string
		want  bool
	}{
		{gatelodge.PathPrefix, "/", "/anything", true},
		{gatelodge.PathPrefix, "/foo", "/foo", true},
		{gatelodge.PathPrefix, "/foo", "/foo/", true},
		{gatelodge.PathPrefix, "/foo/", "/foo", true},
		{gatelodge.PathPrefix, "/foo", "/foo/bar", true},
		{gatelodge.PathPrefix, "/foo", "/foobar", false},
		{gatelodge.PathPrefix, "/foo", "/fo", false},
		{gatelodge.PathExact, "/foo", "/foo", true},
		{gatelodge.PathExact, "/foo", "/foo/", false},
		{gatelodge.PathExact, "/foo/", "/foo", false},
	} {
		r := gatelodge.Route{Path: c.route, Match: c.match}
		if got := r.Matches(c.path); got != c.want {
			t.Errorf("%s %s matches %s: %t", c.match, c.route, c.path, got)
		}
	}
}

// TestCompareByLabels compares random names, many with a common suffix, by the
// order of their labels.
func TestCompareByLabels(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	name := func() gatelodge.Name {
		var labels []string
		for range random.IntN(4) {
			labels = append(labels, []string{"a", "b", "ab", "ba", "bab", "*", "a-b"}[random.IntN(7)])
		}
		return gatelodge.Name(strings.Join(labels, "."))
	}
	labels := func(n gatelodge.Name) []string {
		list := strings.Split(string(n), ".")
		slices.Reverse(list)
		if n == "" {
			return nil
		}
		return list
	}
	for range 20000 {
		a, b := name(), name()
		want := slices.Compare(labels(a), labels(b))
		if got := a.Compare(b); cmp.Compare(got, 0) != want || (got == 0) != (a == b) {
			t.Fatalf("%q compared with %q gives %d, want %d", a, b, got, want)
		}
	}
}
