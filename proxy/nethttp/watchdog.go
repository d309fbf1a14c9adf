package nethttp

import (
	"context"
	"fmt"
	"sync"
	"time"

	"gatelodge.dev/proxy/exchange"
)

// watchdog cancels an exchange whose endpoint makes no progress. Its clock
// runs only while something is expected of the endpoint, and not while a slow
// client takes what came.
type watchdog struct {
	timeout time.Duration
	cancel  context.CancelCauseFunc

	mu      sync.Mutex
	timer   *time.Timer
	running bool
}

// start lets the clock run from now.
func (w *watchdog) start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = true
	switch {
	case w.timeout <= 0:
	case w.timer == nil:
		w.timer = time.AfterFunc(w.timeout, w.expire)
	default:
		w.timer.Reset(w.timeout)
	}
}

// kick sets the clock back, if it runs.
func (w *watchdog) kick() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running && w.timer != nil {
		w.timer.Reset(w.timeout)
	}
}

// stop halts the clock.
func (w *watchdog) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = false
	if w.timer != nil {
		w.timer.Stop()
	}
}

func (w *watchdog) expire() {
	w.mu.Lock()
	running := w.running
	w.mu.Unlock()
	if running {
		w.cancel(fmt.Errorf("%w: nothing came for %s", exchange.ErrTimeout, w.timeout))
	}
}
