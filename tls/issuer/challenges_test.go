package issuer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatelodge.dev"
	"gatelodge.dev/tls/tlstest"
)

// newTermOf returns a term that uses store.
func newTermOf(store gatelodge.Store) *term {
	return newTerm(New(new(gatelodge.Live), Config{Store: store, Log: slog.New(slog.DiscardHandler)}))
}

// TestChallengeStore: a replica serves a challenge response if it serves the
// version that added it or a later one, and a leader continues with what the
// previous one published.
func TestChallengeStore(t *testing.T) {
	store, ctx := tlstest.NewMemory(), t.Context()
	challenge := func(name string) gatelodge.Challenge {
		return gatelodge.Challenge{Type: gatelodge.DNS01, Name: gatelodge.Name(name), Token: "token", Response: "text"}
	}
	version := func() string {
		item, err := store.Get(ctx, gatelodge.ChallengesItem)
		if err != nil {
			t.Fatal(err)
		}
		return item.Version
	}
	must := func(served func(string) bool, err error) func(string) bool {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return served
	}
	first := newChallengeStore(store)
	a := must(first.publish(ctx, challenge("a.test")))
	old := version()
	b := must(first.publish(ctx, challenge("b.test")))
	if !a(old) || !a(version()) || b(old) || !b(version()) || b("") || b("another's") {
		t.Error("served is wrong about which versions contain a response")
	}

	second := newChallengeStore(store) // the next leader
	before := version()
	again := must(second.publish(ctx, challenge("a.test")))
	if version() != before || !again(before) {
		t.Error("a published response was published again")
	}
	if _, err := first.publish(ctx, challenge("a.test")); err != nil {
		t.Fatal(err)
	}
	must(second.publish(ctx, challenge("c.test")))
	if _, err := first.publish(ctx, challenge("d.test")); !errors.Is(err, gatelodge.ErrConflict) {
		t.Errorf("a former leader's write: %v, want a conflict", err)
	}
	if err := second.withdraw(ctx, challenge("a.test")); err != nil {
		t.Fatal(err)
	}
	item, err := store.Get(ctx, gatelodge.ChallengesItem)
	if err != nil {
		t.Fatal(err)
	}
	list, err := gatelodge.DecodeChallenges(item.Data)
	if err != nil || len(list) != 2 || list[0].Name != "b.test" || list[1].Name != "c.test" {
		t.Errorf("published: %v, %v", list, err)
	}
}

// TestSecondariesAreAwaited: a challenge is accepted once every name server that
// is not our own serves the response, or after servedTime.
func TestSecondariesAreAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex
		var asked []string
		term := newTermOf(tlstest.NewMemory())
		term.lookup = lookup{
			addresses: func(_ context.Context, name string) ([]netip.Addr, error) {
				if name != "ns.example.net." {
					return nil, errors.New("no such name")
				}
				return []netip.Addr{netip.MustParseAddr("::ffff:192.0.2.3"), netip.MustParseAddr("192.0.2.1")}, nil
			},
			texts: func(_ context.Context, server netip.AddrPort, name string) ([]string, error) {
				mu.Lock()
				defer mu.Unlock()
				asked = append(asked, fmt.Sprint(server, " ", name))
				if time.Since(began) < 10*time.Second {
					return []string{"an older one"}, nil
				}
				return []string{"an older one", "text"}, nil
			},
		}
		response := gatelodge.Challenge{Type: gatelodge.DNS01, Name: "a.test", Response: "text"}
		issuing := &gatelodge.Issuing{Own: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}
		wait := func(secondaries ...string) time.Duration {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), servedTime)
			defer cancel()
			term.awaitSecondaries(ctx, issuing, &gatelodge.Issuance{Secondaries: secondaries}, "_acme-challenge."+response.Name, response.Response, term.config.Log)
			return time.Since(start)
		}
		if waited := wait("ns.example.net", "192.0.2.1"); waited != 10*time.Second {
			t.Errorf("waited %v, want the 10 s that the secondary takes", waited)
		}
		if slices.Sort(asked); len(asked) == 0 || asked[0] != "192.0.2.3:53 _acme-challenge.a.test." || asked[len(asked)-1] != asked[0] {
			t.Errorf("asked %s", strings.Join(slices.Compact(asked), ", "))
		}
		if waited := wait("gone.example.net"); waited != 0 {
			t.Errorf("waited %v for a name server without an address", waited)
		}
		response.Response = "never"
		if waited := wait("192.0.2.9"); waited != servedTime {
			t.Errorf("waited %v for a name server that never serves it, want %v", waited, servedTime)
		}
	})
}
