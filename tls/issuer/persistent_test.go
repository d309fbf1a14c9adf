package issuer

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatelodge.dev"
)

// persisting runs an Issuer during a test in made-up time, with a CA that offers
// dns-persist-01 and looks at what is published, and whose certificates are renewed
// every 40 hours. No replica ever reports what it serves, so what an order waits for
// takes servedTime.
func persisting(t *testing.T, during func(c *testCluster, ca *testCA, i *Issuer)) {
	synctest.Test(t, func(t *testing.T) {
		ca := newTestCA(t, "https://ca.test")
		ca.lifetime, ca.validation = 60*time.Hour, time.Second
		c := newTestCluster(t, ca)
		c.account.Persistent, c.announced = true, true
		ca.published = c.texts
		ctx := c.followed(t)
		for _, i := range c.replicas {
			i.config.Served = func(ctx context.Context, _ func(string) bool) error { <-ctx.Done(); return ctx.Err() }
		}
		issuer, stop := c.lead(ctx, 0)
		defer func() { stop() }()
		during(c, ca, issuer)
	})
}

// texts returns what the zone publishes at a name.
func (c *testCluster) texts(name string) (texts []string) {
	snapshot, _, _ := c.live.Current()
	for _, view := range snapshot.Views {
		if node := view.Zones[0].Nodes.Get(gatelodge.Name(name)); node != nil {
			for _, r := range node.Records {
				texts = append(texts, strings.Trim(r.Data, `"`))
			}
		}
	}
	return texts
}

// validated lists the types of challenge that the CA validated, and forgets them.
func (ca *testCA) validated() string {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	list := strings.Join(ca.accepted, " ")
	ca.accepted = nil
	return list
}

// TestPersistentRecord: what stands in the zone proves a name to the CA without a wait.
func TestPersistentRecord(t *testing.T) {
	for name, tags := range map[string]map[string]any{
		"drafts 00 and 01": {"caaIdentities": []string{"CA.example."}},
		"draft 02":         {"caaIdentities": []string{"other.example"}, "issuerDomainNames": []string{"ca.example"}, "accountHashPrefix": "https://ca.test/hash/"},
	} {
		t.Run(name, func(t *testing.T) {
			persisting(t, func(c *testCluster, ca *testCA, _ *Issuer) {
				ca.meta = tags
				for _, name := range []gatelodge.Name{"a.test", "*.b.test"} {
					c.ask("shop", name)
					time.Sleep(10 * time.Minute)
					if got := ca.validated(); got != "dns-01" {
						t.Fatalf("%s was validated by %s, want dns-01: the record is new", name, got)
					}
				}
				began := len(ca.orderedSets())
				time.Sleep(41 * time.Hour)
				if got := ca.validated(); got != "dns-persist-01 dns-persist-01" {
					t.Fatalf("renewed by %q", got)
				}
				ca.mu.Lock()
				defer ca.mu.Unlock()
				for _, o := range ca.orders[began:] {
					if took := c.certificateOf(gatelodge.Name(o.name)).NotBefore.Sub(o.at); took > 10*time.Second {
						t.Errorf("%s took %v, want no wait for replicas", o.name, took)
					}
				}
			})
		})
	}
}

// TestPersistentRecordIsNotThere: where the record does not stand everywhere, or the CA
// does not offer the challenge, dns-01 is used and no order is lost.
func TestPersistentRecordIsNotThere(t *testing.T) {
	for name, prepare := range map[string]func(c *testCluster, ca *testCA, i *Issuer){
		"the CA does not offer it":    func(_ *testCluster, ca *testCA, _ *Issuer) { ca.published = nil },
		"the CA does not name itself": func(_ *testCluster, ca *testCA, _ *Issuer) { ca.meta = nil },
		"it is not configured":        func(c *testCluster, _ *testCA, _ *Issuer) { c.account.Persistent = false },
		"it is not published":         func(c *testCluster, _ *testCA, _ *Issuer) { c.unpublished = true },
		"a secondary does not serve it": func(c *testCluster, _ *testCA, i *Issuer) {
			c.secondaries = []string{"192.0.2.3"}
			i.lookup.texts = func(context.Context, netip.AddrPort, string) ([]string, error) { return nil, errors.New("refused") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			persisting(t, func(c *testCluster, ca *testCA, i *Issuer) {
				ca.meta = map[string]any{"caaIdentities": []string{"ca.example"}}
				prepare(c, ca, i)
				c.ask("shop", "a.test")
				time.Sleep(42 * time.Hour)
				if got := ca.validated(); got != "dns-01 dns-01" {
					t.Errorf("validated by %q, want dns-01 twice", got)
				}
				if orders := len(ca.orderedSets()); orders != 2 {
					t.Errorf("%d orders, want two", orders)
				}
			})
		})
	}
}

// TestPersistentRecordIsRefused: a CA that does not accept the record gets another order
// at once, and is not asked to look at it again for a day.
func TestPersistentRecordIsRefused(t *testing.T) {
	persisting(t, func(c *testCluster, ca *testCA, _ *Issuer) {
		ca.meta, ca.lifetime = map[string]any{"caaIdentities": []string{"ca.example"}}, 12*time.Hour
		c.ask("shop", "a.test")
		time.Sleep(time.Hour)
		ca.validated()
		ca.mu.Lock()
		ca.published = func(string) []string { return []string{"another CA"} }
		ca.mu.Unlock()
		time.Sleep(22 * time.Hour) // two or three renewals
		if got := ca.validated(); !strings.HasPrefix(got, "dns-persist-01 dns-01 dns-01") || strings.Count(got, "persist") != 1 {
			t.Errorf("validated by %q", got)
		}
		if why := c.failureOf("a.test"); why != "" {
			t.Errorf("there is a problem: %s", why)
		}
		ca.mu.Lock()
		ca.published = c.texts
		ca.mu.Unlock()
		time.Sleep(2 * day)
		if got := ca.validated(); !strings.HasSuffix(got, "dns-persist-01") {
			t.Errorf("after a day it was validated by %q", got)
		}
	})
}

// TestPersistentRecordsOfSharedOrder: names that share an order are each validated as
// they can be.
func TestPersistentRecordsOfSharedOrder(t *testing.T) {
	bundling(t, 2, func(c *testCluster, ca *testCA) {
		c.mu.Lock()
		c.account.Persistent, c.announced = true, true
		c.mu.Unlock()
		ca.mu.Lock()
		ca.meta, ca.published, ca.reuses = map[string]any{"caaIdentities": []string{"ca.example"}}, c.texts, false
		ca.mu.Unlock()
		names := c.askMany("shop", "company.test", 10)
		time.Sleep(time.Hour)
		ca.validated()
		ca.mu.Lock()
		ca.invalidPersist = map[string]bool{string(names[3]): true}
		ca.mu.Unlock()
		time.Sleep(62 * day)
		kinds := strings.Fields(ca.validated())
		slices.Sort(kinds)
		if got := strings.Join(slices.Compact(slices.Clone(kinds)), " "); got != "dns-01 dns-persist-01" {
			t.Errorf("renewed by %s, want dns-persist-01, and dns-01 where that failed", got)
		}
		if n := slices.Index(kinds, "dns-persist-01"); n != 1 {
			t.Errorf("%d names were validated by dns-01, want one", n)
		}
		for _, name := range names {
			if why := c.failureOf(name); why != "" || time.Until(c.certificateOf(name).NotAfter) < 60*day {
				t.Errorf("%s was not renewed: %s", name, why)
			}
		}
	})
}

// TestPersistentText: the example of draft-ietf-acme-dns-persist-02 §10.2, with the key
// of RFC 7638 §3.1.
func TestPersistentText(t *testing.T) {
	n, err := base64.RawURLEncoding.DecodeString("0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw")
	if err != nil {
		t.Fatal(err)
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537}
	const account = "https://ca.example/acct/123"
	names := []string{"Authority.example.", "ca.example.net"}
	for want, meta := range map[string]directoryMeta{
		"authority.example; accounturi=https://ca.example/account-hash/sha-256/NpDnSwUthQK8zCgFdefYxAdAVPnygMLbs9US6oO-5ug": {names, "https://ca.example/account-hash/"},
		"identity.example; accounturi=https://ca.example/acct/123":                                                          {},
		"": {names, `https://ca.example/"`},
	} {
		if got := persistentText(meta, []string{"identity.example"}, account, key); got != want {
			t.Errorf("%+v: %q, want %q", meta, got, want)
		}
	}
	if got := persistentText(directoryMeta{}, nil, account, key); got != "" {
		t.Errorf("without a name: %q", got)
	}
	if got := persistentText(directoryMeta{}, []string{"ca.example"}, account+strings.Repeat("x", 250), key); got != "" {
		t.Errorf("too long for a string: %q", got)
	}
}
