package issuer

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatelodge.dev"
)

// TestChallengeThatIsLeftPending: a CA that leaves a challenge pending, with the reason,
// is told to validate it again; if that does not help, the name fails with that reason
// and keeps no challenge response.
func TestChallengeThatIsLeftPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newTestCA(t, "https://ca.test")
		ca.left["soon.test"], ca.left["never.test"] = acceptTries-1, 1000
		c := newTestCluster(t, ca)
		c.ask("shop", "soon.test")
		c.ask("shop", "never.test")
		ctx := c.followed(t)
		_, stop := c.lead(ctx, 0)
		defer stop()
		time.Sleep(30 * time.Second)
		if c.certificate("soon.test") == nil {
			t.Errorf("no certificate is issued for a name that is validated the last time: %s", c.failureOf("soon.test"))
		}
		if why := c.failureOf("never.test"); !strings.Contains(why, "it can't be reached now (connection)") {
			t.Errorf("the name that is never validated fails with %q, want the CA's reason", why)
		}
		item, err := c.Memory.Get(ctx, gatelodge.ChallengesItem)
		if err != nil {
			t.Fatal(err)
		}
		if left, err := gatelodge.DecodeChallenges(item.Data); err != nil || len(left) > 0 {
			t.Errorf("the challenge responses %v are left, %v", left, err)
		}
	})
}
