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
