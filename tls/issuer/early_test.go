package issuer

import (
	"errors"
	"testing"
	"time"

	"gatelodge.dev"
)

// announce has the zones publish CAA records from now on.
func (c *testCluster) announce() {
	c.mu.Lock()
	c.announced = true
	c.mu.Unlock()
	c.note("")
}

// registered returns whose accounts are known.
func (c *testCluster) registered(t *testing.T) (directories []string) {
	t.Helper()
	item, err := c.Get(t.Context(), gatelodge.AccountsItem)
	if err != nil && !errors.Is(err, gatelodge.ErrNotFound) {
		t.Fatal(err)
	}
	accounts, err := gatelodge.DecodeAccounts(item.Data)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range accounts {
		directories = append(directories, a.Directory)
	}
	return directories
}

// TestAccountsAreRegisteredEarly: where zones say which CAs may issue, the second CA
// is known before it is needed, also if it is down at first, which is no problem.
func TestAccountsAreRegisteredEarly(t *testing.T) {
	twoCAs(t, func(c *testCluster, first, second *testCA) {
		c.ask("shop", "www.test")
		time.Sleep(time.Hour)
		if got := c.registered(t); len(got) != 1 {
			t.Errorf("without such zones %v are registered", got)
		}
		second.fails(unreachable)
		c.announce()
		time.Sleep(time.Hour)
		if got := c.registered(t); len(got) != 1 {
			t.Errorf("while the second is down %v are registered", got)
		}
		if _, err := c.Get(t.Context(), gatelodge.AuthorityItem); !errors.Is(err, gatelodge.ErrNotFound) {
			t.Errorf("a CA that nothing is ordered from is a problem: %v", err)
		}
		second.fails(nil)
		time.Sleep(time.Hour)
		if got := c.registered(t); len(got) != 2 {
			t.Errorf("%v are registered, want both", got)
		}
		if n := second.ordered(); n != 0 {
			t.Errorf("%d orders are placed with the second CA", n)
		}
	})
}

// TestPatience: names wait for the first CA as long as it is configured.
func TestPatience(t *testing.T) {
	twoCAs(t, func(c *testCluster, first, second *testCA) {
		c.mu.Lock()
		c.patience = 3 * time.Hour
		c.mu.Unlock()
		first.fails(unreachable)
		c.ask("shop", "www.test")
		time.Sleep(3*time.Hour - time.Minute)
		if n := second.ordered(); n != 0 {
			t.Errorf("%d orders are placed with the second CA too early", n)
		}
		time.Sleep(time.Hour)
		if n := second.ordered(); n != 1 {
			t.Errorf("%d orders are placed with the second CA, want 1", n)
		}
	})
}
