package issuer

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"gatelodge.dev"
)

var errStore = errors.New("the store is down")

// TestStoreFailsOnce: whichever write of an order fails, by an error, by a conflict, or
// by an answer that is lost, the order is completed, and no second one is placed.
func TestStoreFailsOnce(t *testing.T) {
	for mode, err := range map[string]error{"error": errStore, "conflict": gatelodge.ErrConflict, "lost answer": nil} {
		for n, last := 1, false; !last; n++ {
			t.Run(fmt.Sprintf("%s at write %d", mode, n), func(t *testing.T) {
				oneCA(t, func(c *testCluster, ca *testCA) {
					writes, failed := 0, false
					c.account.Limits = gatelodge.CALimits{Orders: gatelodge.Rate{Count: 300, Per: 3 * time.Hour}}
					c.putFails = func(_ string, done bool) error {
						if !done {
							writes++
						}
						if writes != n || done != (err == nil) {
							return nil
						}
						failed = true
						if err == nil {
							return errStore
						}
						return err
					}
					c.ask("shop", "www.test")
					time.Sleep(time.Hour)
					if err := c.handshake("www.test"); err != nil || ca.ordered() != 1 {
						t.Errorf("%d orders are placed, %v", ca.ordered(), err)
					}
					if last = !failed; last && n < 5 {
						t.Errorf("there were only %d writes", writes)
					}
				})
			})
		}
	}
}

// TestStoreIsDown: while nothing can be written, no order is placed every few seconds,
// and once it can, the one in progress is completed.
func TestStoreIsDown(t *testing.T) {
	oneCA(t, func(c *testCluster, ca *testCA) {
		var up atomic.Bool
		c.putFails = func(string, bool) error {
			if ca.ordered() > 0 && !up.Load() {
				return errStore
			}
			return nil
		}
		c.ask("shop", "www.test")
		time.Sleep(4 * time.Hour)
		before := ca.ordered()
		up.Store(true)
		time.Sleep(2 * time.Hour)
		if err := c.handshake("www.test"); err != nil || before < 1 || before > 4*6+1 || ca.ordered() != before {
			t.Errorf("%d orders are placed while the store is down, %d after it, %v", before, ca.ordered()-before, err)
		}
	})
}
