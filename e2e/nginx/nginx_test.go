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
