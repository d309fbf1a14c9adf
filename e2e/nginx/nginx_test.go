//go:build debian

package nginx_test

import (
	"testing"

	"gatelodge.dev/e2e/sidebyside"
)

// TestSnippets asks nginx what the table of snippets says.
func TestSnippets(t *testing.T) {
	cases := sidebyside.SnippetCases()
	sidebyside.Check(t, sidebyside.Nginx(t, cases), cases, true)
}

// TestAuth asks nginx what the table of who is let in says.
func TestAuth(t *testing.T) {
	cases := sidebyside.AuthCases()
	sidebyside.Check(t, sidebyside.Nginx(t, cases), cases, true)
}

// TestFields asks nginx what the table of changed fields says.
func TestFields(t *testing.T) {
	cases := sidebyside.FieldCases()
	sidebyside.Check(t, sidebyside.Nginx(t, cases), cases, true)
}

// TestErrorPages asks nginx what the table of error pages says.
func TestErrorPages(t *testing.T) {
	cases := sidebyside.ErrorPageCases()
	sidebyside.Check(t, sidebyside.Nginx(t, cases), cases, true)
}

// TestLimits asks nginx what the table of limits says.
func TestLimits(t *testing.T) {
	cases := sidebyside.LimitCases()
	sidebyside.Check(t, sidebyside.Nginx(t, cases), cases, true)
}

// TestRedirects asks nginx what the table of redirects says.
func TestRedirects(t *testing.T) {
	cases := sidebyside.RedirectCases()
	sidebyside.Check(t, sidebyside.Nginx(t, cases), cases, true)
}

// TestRewrites asks nginx what the table of paths and rewrites says.
func TestRewrites(t *testing.T) {
	cases := sidebyside.RewriteCases()
	sidebyside.Check(t, sidebyside.Nginx(t, cases), cases, true)
}

// TestCORS asks nginx what the table of CORS says.
func TestCORS(t *testing.T) {
	cases := sidebyside.CORSCases()
	sidebyside.Check(t, sidebyside.Nginx(t, cases), cases, true)
}
