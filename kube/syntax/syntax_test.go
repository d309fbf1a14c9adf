package syntax

import (
	"strings"
	"testing"
)

// TestLocations: which texts are places to redirect to, as they are read.
func TestLocations(t *testing.T) {
	for text, wrong := range map[string]string{
		"":                               "",
		"https://new.example.test":       "",
		"http://a.test:8080/b?c=d#e":     "",
		"https://$host$request_uri":      "",
		"${scheme}://a.test${uri}?$args": "",
		"https://a.test/$http_cookie":    "no URL holds",
		"https://a.test/${uri":           "is not closed",
		"https://a.test/$":               "without the name",
		"$request_uri":                   "not an absolute URL",
		"//a.test/":                      "not an absolute URL",
		"ftp://a.test/":                  "not an absolute URL",
		"https://a.test/ b":              "percent-encoded",
		"https://a.test/\r\nx: y":        "not an absolute URL",
		"https://a.test/\"":              "percent-encoded",
		"https://a.test/" + strings.Repeat("x", maxLocation): "the most is 8192",
	} {
		l, err := ReadLocation(text)
		switch {
		case wrong == "" && err != nil, wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)):
			t.Errorf("%.60q: got %v, want %q", text, err, wrong)
		case wrong == "" && strings.NewReplacer("{", "", "}", "").Replace(text) != l.String():
			t.Errorf("%q was read as %q", text, l)
		case wrong != "" && l != nil:
			t.Errorf("%.60q: there is a location all the same", text)
		}
	}
}

// TestRewrites: which texts are targets of rewrites, as they are read.
func TestRewrites(t *testing.T) {
	for text, wrong := range map[string]string{
		"/":                                   "",
		"/$1/${2}":                            "",
		"$1":                                  "",
		"/x?a=$1&b":                           "",
		"/x?a?":                               "",
		"/x?":                                 "",
		"x":                                   "not a path",
		"https://a.test/$1":                   "not a path",
		"/$host":                              "only the groups $1 to $9",
		"/$0":                                 "only the groups $1 to $9",
		"/${12}":                              "only the groups $1 to $9",
		"/a\nb":                               "no path may have",
		"/" + strings.Repeat("x", maxRewrite): "the most is 2048",
	} {
		w, err := ReadRewrite(text)
		switch {
		case wrong == "" && err != nil, wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)):
			t.Errorf("%.60q: got %v, want %q", text, err, wrong)
		case wrong == "" && strings.NewReplacer("{", "", "}", "").Replace(text) != w.String():
			t.Errorf("%q was read as %q", text, w)
		}
	}
}

// TestExpressions: what is too large when it is written out is not compiled.
func TestExpressions(t *testing.T) {
	for text, good := range map[string]bool{
		"/a(/|$)(.*)":                            true,
		"/[^/]+/v[0-9]{1,3}":                     true,
		"/a(?!b)":                                false,
		`/(a)\1`:                                 false,
		"/a(":                                    false,
		"/((a{1,30}){1,30}){1,30}":               false,
		"/" + strings.Repeat("a{900}", 20):       false,
		"/" + strings.Repeat("x", maxExpression): false,
	} {
		if _, err := CheckExpression(text); (err == nil) != good {
			t.Errorf("%.40q: got %v", text, err)
		}
	}
}
