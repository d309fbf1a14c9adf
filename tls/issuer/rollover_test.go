package issuer

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
)

// TestAccountKeyChanges: the account keeps its URL while its key changes, also when
// the leader is lost before or after the CA has changed it.
func TestAccountKeyChanges(t *testing.T) {
	for name, loseAfter := range map[string]bool{"lost before": false, "lost after": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ca := newTestCA(t, "https://ca.test")
				changes := 0
				ca.fails(func(step string, after bool) error {
					if step == "keychange" && after == loseAfter {
						if changes++; changes == 1 {
							return errUnreachable
						}
					}
					return nil
				})
				c := newTestCluster(t, ca)
				c.account.KeyAge = 30 * day
				c.publish()
				ctx := c.followed(t)
				var keys []string
				for n := range 4 {
					_, stop := c.lead(ctx, n%2)
					c.ask("shop", gatelodge.Name(fmt.Sprintf("a%d.test", n)))
					time.Sleep(day)
					stop()
					keys = append(keys, c.accountKey(t, ca))
					time.Sleep(40 * day)
				}
				if keys[0] == keys[1] || keys[1] == keys[2] || keys[2] == keys[3] {
					t.Errorf("the account's key stays: %q", keys)
				}
				if n := ca.ordered(); n < 4 {
					t.Errorf("%d orders are placed, want 4 at least", n)
				}
			})
		})
	}
}

// accountKey returns the thumbprint of the key in the Store, which is that of the only
// account at the CA.
func (c *testCluster) accountKey(t *testing.T, ca *testCA) string {
	t.Helper()
	item, err := c.Memory.Get(t.Context(), c.account.Item())
	if err != nil {
		t.Fatal(err)
	}
	key, err := decodeKey(item.Data[gatelodge.AccountKeyPart])
	if err != nil {
		t.Fatal(err)
	}
	client := &acme.Client{Key: key, DirectoryURL: c.account.Directory, HTTPClient: httpClient(c, key)}
	account, err := client.GetReg(t.Context(), "")
	if err != nil || account.URI != string(item.Data[accountURLPart]) {
		t.Errorf("by the stored key the CA finds the account %v, %v, want %s", account, err, item.Data[accountURLPart])
	}
	thumbprint, err := acme.JWKThumbprint(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if len(ca.accounts) != 1 {
		t.Errorf("the CA has %d accounts", len(ca.accounts))
	}
	return thumbprint
}
