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

// TestFieldsAsNginx: the gateway changes the fields of answers as nginx does.
func TestFieldsAsNginx(t *testing.T) {
	t.Parallel()
	cases := sidebyside.FieldCases()
	sidebyside.Check(t, sidebyside.Gateway(t, cases), cases, false)
}

// TestErrorPagesAsNginx: the gateway has errors answered as nginx does.
func TestErrorPagesAsNginx(t *testing.T) {
	t.Parallel()
	cases := sidebyside.ErrorPageCases()
	sidebyside.Check(t, sidebyside.Gateway(t, cases), cases, false)
}

// TestLimitsAsNginx: the gateway refuses the bodies that nginx refuses.
func TestLimitsAsNginx(t *testing.T) {
	t.Parallel()
	cases := sidebyside.LimitCases()
	sidebyside.Check(t, sidebyside.Gateway(t, cases), cases, false)
}

// TestRedirectsAsNginx: the gateway redirects where nginx does.
func TestRedirectsAsNginx(t *testing.T) {
	t.Parallel()
	cases := sidebyside.RedirectCases()
	sidebyside.Check(t, sidebyside.Gateway(t, cases), cases, false)
}

// TestRewritesAsNginx: the gateway chooses and rewrites paths as nginx does.
func TestRewritesAsNginx(t *testing.T) {
	t.Parallel()
	cases := sidebyside.RewriteCases()
	sidebyside.Check(t, sidebyside.Gateway(t, cases), cases, false)
}

// TestCORSAsNginx: the gateway answers scripts of other origins as nginx does.
func TestCORSAsNginx(t *testing.T) {
	t.Parallel()
	cases := sidebyside.CORSCases()
	sidebyside.Check(t, sidebyside.Gateway(t, cases), cases, false)
}
