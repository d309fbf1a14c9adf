package issuer

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"gatelodge.dev"
)

// TestNoLeaderUntilCertificatesExpired: once there is a leader again, each certificate is
// renewed within minutes, and by one order.
func TestNoLeaderUntilCertificatesExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newTestCA(t, "https://ca.test")
		ca.renewalInfo = true
		c := newTestCluster(t, ca)
		ctx := c.followed(t)
		const names = 12
		for n := range names {
			c.ask("shop", gatelodge.Name(fmt.Sprintf("www%d.test", n)))
		}
		for replica, leads := range []time.Duration{time.Hour, 10 * time.Minute} {
			_, stop := c.lead(ctx, replica)
			time.Sleep(leads)
			stop()
			if replica == 0 {
				time.Sleep(ca.lifetime + day)
			}
		}
		if n := ca.ordered(); n != 2*names {
			t.Errorf("%d orders are placed, want %d", n, 2*names)
		}
		for n := range names {
			if err := c.handshake(fmt.Sprintf("www%d.test", n)); err != nil {
				t.Error(err)
			}
		}
	})
}
