package acme_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatelodge.dev/e2e/pebble"
)

// TestRenewalUnderLoad: certificates that live for a minute and a half are renewed, and
// while they are no client meets one that it can't accept. A third of that is for a busy
// machine, whose CA may fail at first.
func TestRenewalUnderLoad(t *testing.T) {
	t.Parallel()
	s := newSite(t, pebble.Options{Validity: map[string]time.Duration{"short": 90 * time.Second, "long": 90 * 24 * time.Hour}})
	s.configure("profile: short")
	names := []string{"www.example.test", "shop.example.net"}
	s.ask(names...)
	s.start()
	s.Await("the first certificates", func() error { return s.accepted(names...) })

	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	var handshakes, serials [2]atomic.Int64
	for i, name := range names {
		load.Go(func() {
			seen := make(map[string]bool)
			for ctx.Err() == nil {
				leaf, err := s.Accepted(name)
				if err != nil {
					t.Errorf("handshake %d with %s: %v", handshakes[i].Load()+1, name, err)
					return
				}
				seen[leaf.SerialNumber.String()] = true
				handshakes[i].Add(1)
				serials[i].Store(int64(len(seen)))
				select {
				case <-ctx.Done():
				case <-time.After(5 * time.Millisecond): // not to starve who is tested
				}
			}
		})
	}
	s.Await("a renewal of each", func() error {
		for i := range names {
			if n := serials[i].Load(); n < 2 && !t.Failed() {
				return context.DeadlineExceeded
			}
		}
		return nil
	})
	stop()
	load.Wait()
	t.Logf("%d and %d handshakes, none failed", handshakes[0].Load(), handshakes[1].Load())
}
