package nethttp

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"gatelodge.dev/proxy/exchange"
)

// TestWatchdog: time passes only while something is expected of the endpoint.
func TestWatchdog(t *testing.T) {
	const timeout = time.Minute
	for _, c := range []struct {
		name  string
		run   func(*watchdog)
		after time.Duration // from then until it barks; 0: never
	}{
		{"an endpoint that says nothing", func(w *watchdog) { w.start() }, timeout},
		{"one that has answered", func(w *watchdog) { w.start(); w.stop() }, 0},
		{"a client that takes its time", func(w *watchdog) { w.start(); w.stop(); time.Sleep(2 * timeout); w.start() }, timeout},
		{"a body that goes on", func(w *watchdog) { w.start(); time.Sleep(timeout / 2); w.kick() }, timeout},
		{"a body that goes on while the client is slow", func(w *watchdog) { w.start(); w.stop(); w.kick() }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(context.Background())
				defer cancel(nil)
				w := &watchdog{timeout: timeout, cancel: cancel}
				c.run(w)
				if c.after == 0 {
					time.Sleep(3 * timeout)
					synctest.Wait()
					if ctx.Err() != nil {
						t.Error("it barked")
					}
					return
				}
				from := time.Now()
				<-ctx.Done()
				if got := time.Since(from); got != c.after || !errors.Is(context.Cause(ctx), exchange.ErrTimeout) {
					t.Errorf("it barked after %s, want %s: %v", got, c.after, context.Cause(ctx))
				}
			})
		})
	}
}

// TestGate: a body waits for the endpoint to ask, for an answer that takes the
// request, or for its time.
func TestGate(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(*gate)
		open bool
	}{
		{"nothing came", func(*gate) {}, false},
		{"it was asked for", func(g *gate) { g.pass() }, true},
		{"the request was taken", func(g *gate) { g.answered(200) }, true},
		{"the request was refused", func(g *gate) { g.answered(403); time.Sleep(2 * continueTimeout) }, false},
		{"nothing came in time", func(*gate) { time.Sleep(continueTimeout) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGate()
				defer g.timer.Stop()
				c.run(g)
				synctest.Wait()
				select {
				case <-g.open:
					if !c.open {
						t.Error("open")
					}
				default:
					if c.open {
						t.Error("shut")
					}
				}
			})
		})
	}
}
