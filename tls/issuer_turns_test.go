package tls

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"gatelodge.dev"
)

// slowStore is a Store whose Get, the first thing of an attempt, says for which
// name it is and fails when it is told to.
type slowStore struct {
	memory
	begun []string
	end   chan struct{}
}

func (s *slowStore) Get(ctx context.Context, item string) (gatelodge.Item, error) {
	s.mu.Lock()
	s.begun = append(s.begun, item)
	s.mu.Unlock()
	select {
	case <-s.end:
	case <-ctx.Done():
	}
	return gatelodge.Item{}, errors.New("it is slow")
}

// TestNamespacesTakeTurns: whatever one namespace asks for, the next attempt of
// another begins within one round; and its renewals come first.
func TestNamespacesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, live := &slowStore{end: make(chan struct{})}, new(gatelodge.Live)
		issuer := NewIssuer(live, IssuerConfig{Store: store, Log: slog.New(slog.DiscardHandler)})
		var list []*gatelodge.Issuance
		ask := func(namespace, name string, certificate *gatelodge.Certificate) {
			list = append(list, &gatelodge.Issuance{
				Name: gatelodge.Name(name), Askers: []gatelodge.Object{{Namespace: namespace}},
				Challenges: []gatelodge.ChallengeType{gatelodge.HTTP01}, Certificate: certificate,
			})
		}
		publish := func() {
			var issuances gatelodge.Map[gatelodge.Name, *gatelodge.Issuance]
			edit := issuances.Edit()
			for _, i := range list {
				edit.Set(i.Name, i)
			}
			live.Swap(&gatelodge.Snapshot{Issuing: &gatelodge.Issuing{Issuances: edit.Map()}})
			time.Sleep(settleTime)
			synctest.Wait()
		}
		for i := range 1000 {
			ask("many", fmt.Sprintf("a%03d.test", i), nil)
		}
		ctx, cancel := context.WithCancel(t.Context())
		running := make(chan struct{})
		go func() { defer close(running); issuer.Run(ctx) }()
		publish()
		if len(store.begun) != maxOrders {
			t.Fatalf("%d attempts are in progress, want %d", len(store.begun), maxOrders)
		}
		const day = 24 * time.Hour
		old := &gatelodge.Certificate{NotBefore: time.Now().Add(-80 * day), NotAfter: time.Now().Add(10 * day)}
		ask("few", "new.test", nil)
		ask("few", "renewed.test", old)
		ask("", "*.test", nil) // of the configuration
		publish()
		store.begun = nil
		for range 6 {
			store.end <- struct{}{}
			synctest.Wait()
		}
		var want []string
		for _, name := range []gatelodge.Name{"renewed.test", "*.test", "a008.test", "new.test", "a009.test", "a010.test"} {
			want = append(want, gatelodge.IssuanceItem(name))
		}
		if !slices.Equal(store.begun, want) {
			t.Errorf("begun are %v, want %v", store.begun, want)
		}
		cancel()
		<-running
	})
}
