package issuer

import (
	"fmt"
	"testing"
	"time"

	"gatelodge.dev"
)

// TestCALosesItsAccounts: the account is registered again, with its key.
func TestCALosesItsAccounts(t *testing.T) {
	oneCA(t, func(c *testCluster, ca *testCA) {
		c.ask("shop", "a.test")
		time.Sleep(time.Hour)
		before := c.accountKey(c.t, ca)
		ca.mu.Lock()
		clear(ca.accounts)
		ca.mu.Unlock()
		c.ask("shop", "b.test")
		time.Sleep(10 * time.Minute)
		if err := c.handshake("b.test"); err != nil {
			t.Error(err)
		}
		if c.accountKey(c.t, ca) != before {
			t.Error("it has another key")
		}
	})
}

// TestContactIsRemoved: an email address that is no longer configured is removed at the
// CA, too (RFC 8555 §7.3.2).
func TestContactIsRemoved(t *testing.T) {
	oneCA(t, func(c *testCluster, ca *testCA) {
		for n, email := range []string{"a@example.test", "", "b@example.test"} {
			c.mu.Lock()
			c.account.Email = email
			c.mu.Unlock()
			c.ask("shop", gatelodge.Name(fmt.Sprintf("www%d.test", n)))
			time.Sleep(time.Hour)
			want := "[]"
			if email != "" {
				want = "[mailto:" + email + "]"
			}
			ca.mu.Lock()
			if len(ca.contacts) != 1 {
				t.Errorf("the CA has the accounts %v", ca.contacts)
			}
			for _, contact := range ca.contacts {
				if got := fmt.Sprint(contact); got != want {
					t.Errorf("with the email address %q the contact is %s, want %s", email, got, want)
				}
			}
			ca.mu.Unlock()
		}
	})
}
