package main

import (
	"strings"
	"testing"
)

// TestExplainViews: a host that is in one view alone is in order, and is followed there;
// the others say that it is not in them.
func TestExplainViews(t *testing.T) {
	for _, test := range []struct {
		url, state string
		lines      []string
	}{
		{"http://stock.pke.example.com/", "ok", []string{
			"ok    DNS, view internal  stock.pke.example.com leads to this gateway: 10.0.0.10",
			"      DNS, view external  stock.pke.example.com is not in this view (NXDOMAIN)",
			"ok    Listener            HTTP on :8080 (listener http) in view internal",
		}},
		{"http://shop.pke.example.com/", "ok", []string{
			"ok    DNS, view internal  shop.pke.example.com leads to this gateway: 10.0.0.10",
			"ok    DNS, view external  shop.pke.example.com leads to this gateway: 203.0.113.10",
		}},
		{"http://none.pke.example.com/", "broken", []string{
			"none.pke.example.com does not exist (NXDOMAIN)",
		}},
	} {
		var out, errs strings.Builder
		status := run(t.Context(), []string{"explain", "--manifests", "../../deploy/views/shop.yaml", "--config", "../../deploy/views/gateway.yaml", test.url}, stdio{nil, &out, &errs})
		if (status == exitOK) != (test.state == "ok") || errs.String() != "" {
			t.Errorf("%s: status %d, %s", test.url, status, errs.String())
		}
		for _, line := range test.lines {
			if !strings.Contains(out.String(), line) {
				t.Errorf("%s: no line %q in\n%s", test.url, line, out.String())
			}
		}
	}
}
