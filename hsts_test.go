package gatelodge_test

import (
	"testing"

	gatelodge "gatelodge.dev"
)

// TestHSTSThatBrowsersHeed: a browser ignores the whole field for one mistake in it
// (RFC 6797 §6.1).
func TestHSTSThatBrowsersHeed(t *testing.T) {
	for value, good := range map[string]bool{
		"max-age=31536000": true,
		"max-age=0":        true,
		"Max-Age = 300 ; includeSubDomains ; preload": true,
		"includeSubDomains;max-age=300;":              true,
		"":                                            false,
		"includeSubDomains":                           false,
		"max-age":                                     false,
		"max-age=":                                    false,
		"max-age=1y":                                  false,
		"max-age=-1":                                  false,
		"max-age=99999999999999999999":                false,
		"max-age=1; max-age=2":                        false,
		"max-age=1, includeSubDomains":                false,
		"max-age=1; includeSubdomain":                 false,
		"max-age=1; includeSubDomains=true":           false,
		"max-age=1\r\nSet-Cookie: a=b":                false,
		"max-age=1; preload\r\nX-Injected: for browser": false,
	} {
		if err := gatelodge.CheckHSTS(value); (err == nil) != good {
			t.Errorf("%q: %v, want it to be good: %v", value, err, good)
		}
	}
}
