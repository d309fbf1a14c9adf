package proxy

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gatelodge.dev/proxy/exchange"
)

// Drain stops accepting connections, tells clients to go (GOAWAY, Connection:
// close) and lets requests under way finish within Settings.Drain.Timeout and
// tunnels within Settings.Drain.Tunnels, both counted from its start. What is
// left then, or when ctx ends, is broken off, which its error tells. Pending
// lines of the access log are written. It is called once.
func (s *Server) Drain(ctx context.Context) error {
	limits := s.settings().Drain
	s.mu.Lock()
	s.draining = true
	listeners, serving := s.listeners, s.serving
	s.mu.Unlock()

	tunnels, cancel := context.WithTimeout(ctx, limits.Tunnels)
	defer cancel()
	err := drainListeners(ctx, listeners, limits.Timeout)
	s.work.draining.Store(true)
	if !s.work.wait(tunnels) {
		if n := s.work.breakOff(); n > 0 {
			err = errors.Join(err, fmt.Errorf("drain: %d tunnels broken off", n))
		}
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), breakOffTime)
		defer cancel()
		if !s.work.wait(ending) {
			err = errors.Join(err, errors.New("drain: requests are stuck"))
		}
	}
	s.upstreams.closeIdle()
	if serving && s.config.AccessLog != nil {
		s.log.close()
	}
	return err
}

// breakOffTime is what the requests get that were broken off, to notice it.
const breakOffTime = 5 * time.Second

// drainListeners drains all listeners at once.
func drainListeners(ctx context.Context, listeners []*listener, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	errs := make([]error, len(listeners))
	var all sync.WaitGroup
	for i, l := range listeners {
		all.Go(func() {
			if err := l.engine.Drain(ctx); err != nil {
				errs[i] = fmt.Errorf("drain: listener %s: requests broken off: %w", l.Name, err)
			}
		})
	}
	all.Wait()
	for _, l := range listeners {
		_ = l.accept.Close() // closed already if it was ever served
	}
	return errors.Join(errs...)
}

// work is what is under way: requests, and those of them that became tunnels.
type work struct {
	requests atomic.Int64
	draining atomic.Bool
	idle     chan struct{} // gets an item when requests becomes 0 in a drain

	mu      sync.Mutex
	tunnels map[exchange.Tunnel]struct{}
	broken  bool // no tunnel may stay
}

func (w *work) enter() { w.requests.Add(1) }

func (w *work) leave() {
	if w.requests.Add(-1) == 0 && w.draining.Load() {
		select {
		case w.idle <- struct{}{}:
		default:
		}
	}
}

// wait returns true when nothing is under way, and false when ctx ends before.
func (w *work) wait(ctx context.Context) bool {
	for w.requests.Load() > 0 {
		select {
		case <-w.idle:
		case <-ctx.Done():
			return w.requests.Load() == 0
		}
	}
	return true
}

func (w *work) remember(t exchange.Tunnel) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken {
		_ = t.Close() // whoever uses it finds out
	}
	w.tunnels[t] = struct{}{}
}

func (w *work) forget(t exchange.Tunnel) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.tunnels, t)
}

// breakOff closes all tunnels and returns how many there were.
func (w *work) breakOff() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = true
	for t := range w.tunnels {
		_ = t.Close() // whoever uses it finds out
	}
	return len(w.tunnels)
}
