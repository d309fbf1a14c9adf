package e2e

import (
	"testing"

	"gatelodge.dev/e2e/sidebyside"
)

// TestSnippetsAsNginx: the gateway answers under snippets as nginx does.
func TestSnippetsAsNginx(t *testing.T) {
	t.Parallel()
	cases := sidebyside.SnippetCases()
	sidebyside.Check(t, sidebyside.Gateway(t, cases), cases, false)
}

// TestAuthAsNginx: the gateway lets in whom nginx lets in.
func TestAuthAsNginx(t *testing.T) {
	t.Parallel()
	cases := sidebyside.AuthCases()
	sidebyside.Check(t, sidebyside.Gateway(t, cases), cases, false)
}
