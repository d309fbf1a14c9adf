package tls

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatelodge.dev"
)

// memory is a Store without a disk.
type memory struct {
	mu    sync.Mutex
	items map[string]gatelodge.Item
	last  int
}

func newMemory() *memory { return &memory{items: make(map[string]gatelodge.Item)} }

func (m *memory) Get(_ context.Context, name string) (gatelodge.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	item, ok := m.items[name]
	if !ok {
		return gatelodge.Item{}, gatelodge.ErrNotFound
	}
	return gatelodge.Item{Data: maps.Clone(item.Data), Version: item.Version}, nil
}

func (m *memory) Put(_ context.Context, name string, item gatelodge.Item) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.items[name].Version != item.Version {
		return "", gatelodge.ErrConflict
	}
	m.last++
	m.items[name] = gatelodge.Item{Data: item.Data, Version: fmt.Sprint("v", m.last)}
	return m.items[name].Version, nil
}

func (m *memory) Delete(_ context.Context, name, version string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.items[name].Version != version {
		return gatelodge.ErrConflict
	}
	delete(m.items, name)
	return nil
}

func (m *memory) Watch(ctx context.Context, _ string, _ func(string)) error {
	<-ctx.Done()
	return nil
}

// newTermOf is a leader's term that keeps things in store.
func newTermOf(store gatelodge.Store) *term {
	return newTerm(NewIssuer(new(gatelodge.Live), IssuerConfig{Store: store, Log: slog.New(slog.DiscardHandler)}))
}

// TestBoard: an answer is served by who serves the version that it came with or
// a later one, and one leader goes on with what the other hung up.
func TestBoard(t *testing.T) {
	store, ctx := newMemory(), t.Context()
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
	first := newBoard(store)
	a := must(first.put(ctx, challenge("a.test")))
	old := version()
	b := must(first.put(ctx, challenge("b.test")))
	if !a(old) || !a(version()) || b(old) || !b(version()) || b("") || b("another's") {
		t.Error("it does not tell which version has the answer")
	}

	second := newBoard(store) // the next leader
	before := version()
	again := must(second.put(ctx, challenge("a.test")))
	if version() != before || !again(before) {
		t.Error("an answer that hangs already was hung up again")
	}
	if _, err := first.put(ctx, challenge("a.test")); err != nil {
		t.Fatal(err)
	}
	must(second.put(ctx, challenge("c.test")))
	if _, err := first.put(ctx, challenge("d.test")); !errors.Is(err, gatelodge.ErrConflict) {
		t.Errorf("who no longer leads writes all the same: %v", err)
	}
	if err := second.remove(ctx, challenge("a.test")); err != nil {
		t.Fatal(err)
	}
	item, err := store.Get(ctx, gatelodge.ChallengesItem)
	if err != nil {
		t.Fatal(err)
	}
	list, err := gatelodge.DecodeChallenges(item.Data)
	if err != nil || len(list) != 2 || list[0].Name != "b.test" || list[1].Name != "c.test" {
		t.Errorf("what hangs is %v %v", list, err)
	}
}

// TestSecondariesAreAwaited: a CA is asked to look once every name server that
// is not our own has the answer, or after a while all the same.
func TestSecondariesAreAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex
		var asked []string
		term := newTermOf(newMemory())
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
		answer := gatelodge.Challenge{Type: gatelodge.DNS01, Name: "a.test", Response: "text"}
		issuing := &gatelodge.Issuing{Own: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}
		wait := func(secondaries ...string) time.Duration {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), servedTime)
			defer cancel()
			term.awaitSecondaries(ctx, issuing, &gatelodge.Issuance{Secondaries: secondaries}, answer, term.config.Log)
			return time.Since(start)
		}
		if waited := wait("ns.example.net", "192.0.2.1"); waited != 10*time.Second {
			t.Errorf("waited %v, want the 10 s that the secondary takes", waited)
		}
		if slices.Sort(asked); len(asked) == 0 || asked[0] != "192.0.2.3:53 _acme-challenge.a.test." || asked[len(asked)-1] != asked[0] {
			t.Errorf("asked %s", strings.Join(slices.Compact(asked), ", "))
		}
		if waited := wait("gone.example.net"); waited != 0 {
			t.Errorf("waited %v for a name server that has no address", waited)
		}
		answer.Response = "never"
		if waited := wait("192.0.2.9"); waited != servedTime {
			t.Errorf("waited %v for a name server that never has it, want %v", waited, servedTime)
		}
	})
}
