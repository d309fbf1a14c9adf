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

// TestKeyThatTheCADoesNotChange: certificates are ordered with the old key of the
// account, and the CA is asked to change it once a day.
func TestKeyThatTheCADoesNotChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newTestCA(t, "https://ca.test")
		ca.noKeyChange = true
		asked := 0
		ca.fails(func(step string, after bool) error {
			if step == "keychange" && after {
				asked++
			}
			return nil
		})
		c := newTestCluster(t, ca)
		c.account.KeyAge = 30 * day
		c.publish()
		ctx := c.followed(t)
		_, stop := c.lead(ctx, 0)
		c.ask("shop", "a.test")
		time.Sleep(time.Minute)
		key := c.accountKey(t, ca)
		time.Sleep(31 * day)
		for _, name := range []gatelodge.Name{"b.test", "c.test", "d.test"} {
			c.ask("shop", name)
			time.Sleep(time.Hour)
			if c.certificate(name) == nil {
				t.Errorf("no certificate is issued for %s: %s", name, c.failureOf(name))
			}
		}
		stop()
		if c.accountKey(t, ca) != key || asked != 1 {
			t.Errorf("the CA is asked %d times for another key, want once; it is the same: %v", asked, c.accountKey(t, ca) == key)
		}
	})
}

// TestOrderOfYesterday: an order whose certificate would have ended by now is not
// resumed, but placed again.
func TestOrderOfYesterday(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newTestCA(t, "https://ca.test")
		ca.lifetime, ca.endsByOrder = day, true
		ca.fails(func(step string, _ bool) error {
			if step == "challenge" {
				return errUnreachable
			}
			return nil
		})
		c := newTestCluster(t, ca)
		ctx := c.followed(t)
		c.ask("shop", "a.test")
		_, stop := c.lead(ctx, 0)
		time.Sleep(time.Minute)
		stop()
		ca.fails(nil)
		time.Sleep(day)
		_, stop = c.lead(ctx, 1)
		defer stop()
		time.Sleep(time.Minute)
		if c.certificate("a.test") == nil || ca.ordered() != 2 {
			t.Errorf("%d orders are placed, want 2, and %q", ca.ordered(), c.failureOf("a.test"))
		}
	})
}
