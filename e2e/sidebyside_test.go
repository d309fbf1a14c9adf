package e2e

import (
	"testing"

	"gatelodge.dev/e2e/sidebyside"
)

// TestAsNginx: the gateway answers as nginx does, but for what a case names.
func TestAsNginx(t *testing.T) {
	t.Parallel()
	for subject, cases := range sidebyside.Tables() {
		t.Run(subject, func(t *testing.T) {
			t.Parallel()
			sidebyside.Check(t, sidebyside.Gateway(t, cases), cases, false)
		})
	}
}
