//go:build debian

package nginx_test

import (
	"testing"

	"gatelodge.dev/e2e/sidebyside"
)

// TestNginx asks nginx what the tables say that it answers.
func TestNginx(t *testing.T) {
	for subject, cases := range sidebyside.Tables() {
		t.Run(subject, func(t *testing.T) { sidebyside.Check(t, sidebyside.Nginx(t, cases), cases, true) })
	}
}
