package gatelodge

import (
	"regexp"
	"testing"
)

func TestRouteMatchesByPattern(t *testing.T) {
	pattern := func(path string) *Route {
		return &Route{Path: path, Match: PathPattern, Pattern: regexp.MustCompile("(?i)^" + path)}
	}
	literal := func(path string) *Route { return &Route{Path: path, Match: PathPattern} }
	for _, c := range []struct {
		route *Route
		path  string
		want  bool
	}{
		{pattern("/a(/|$)"), "/a", true},
		{pattern("/a(/|$)"), "/A/b", true},
		{pattern("/a(/|$)"), "/ab", false},
		{pattern("/a(/|$)"), "/b/a", false},
		{pattern("/a b"), "/a%20b", true},
		{pattern("/a/b"), "/a%2Fb", false},
		{literal("/v1.0"), "/V1.0/x", true},
		{literal("/v1.0"), "/v1x0", false},
		{literal("/v1.0"), "/v1", false},
		{literal("/foo"), "/foobar", true}, // as in ingress-nginx
		{literal("/a%20b"), "/A%20B/c", true},
	} {
		if got := c.route.Matches(c.path); got != c.want {
			t.Errorf("%s matches %s: %t, want %t", c.route.Path, c.path, got, c.want)
		}
	}
}

// FuzzPatternForm: RewrittenPath turns a pattern form back into the same path, so a
// rewrite that changes nothing sends the backend the path that selected the route.
func FuzzPatternForm(f *testing.F) {
	for _, path := range []string{"/", "/a b", "/a%20b", "/%25%2F%5C%3f%23", "/é/%C3%A9", "/a;b=c/%7F", "/%2525", "/a/../b", "/%00"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		canonical, err := CanonicalPath(path)
		if err != nil {
			return
		}
		form := PathForm(canonical)
		back, err := RewrittenPath(PatternForm(form))
		if err != nil || back != form {
			t.Errorf("%q became %q, %v, want %q", path, back, err, form)
		}
	})
}
