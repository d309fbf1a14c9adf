package issuer

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatelodge.dev"
)

// TestCertificatesThatAreDueAtOnce: a CA whose certificates have to be renewed as soon
// as they are issued is asked for a few in an hour, and not for one each second.
func TestCertificatesThatAreDueAtOnce(t *testing.T) {
	forever := func(years int) *gatelodge.RenewalWindow {
		return &gatelodge.RenewalWindow{Start: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), End: time.Date(1+years, 1, 1, 0, 0, 0, 0, time.UTC)}
	}
	for name, c := range map[string]struct {
		lifetime time.Duration
		window   *gatelodge.RenewalWindow
		problem  string
	}{
		"the window is always in the past": {lifetime: 90 * day, window: forever(1)},
		"the window is 9998 years long":    {lifetime: 90 * day, window: forever(9998)},
		"they have expired":                {lifetime: -time.Hour, problem: "the CA issued a certificate that expired at"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ca := newTestCA(t, "https://ca.test")
				ca.renewalInfo, ca.window, ca.lifetime = true, c.window, c.lifetime
				cluster := newTestCluster(t, ca)
				ctx := cluster.followed(t)
				cluster.ask("shop", "a.test")
				_, stop := cluster.lead(ctx, 0)
				defer func() { stop() }()
				time.Sleep(time.Hour)
				ca.mu.Lock()
				orders := len(ca.orders)
				ca.mu.Unlock()
				if orders < 1 || orders > 8 {
					t.Errorf("%d orders in an hour, want one to eight", orders)
				}
				if got := cluster.failureOf("a.test"); !strings.Contains(got, c.problem) || (got == "") != (c.problem == "") {
					t.Errorf("the problem is %q, want %q", got, c.problem)
				}
			})
		})
	}
}
