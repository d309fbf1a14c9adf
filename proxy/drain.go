package proxy

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// Leave asks clients to connect to another replica, while everything is still
// served: a response over HTTP/1.1 ends its connection, and one over HTTP/2 comes
// with a GOAWAY. So when Drain is called some time later, only unused connections
// are left. Otherwise a request over HTTP/1.1 might cross with the end of its idle
// connection, and a connection over HTTP/2 might break because its packets are
// routed to another replica by then.
func (s *Server) Leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.listeners {
		l.http1.Leave()
		l.http2.Leave()
	}
}

// Drain stops accepting connections, tells clients to leave (GOAWAY, Connection:
// close) and lets requests in progress finish within Settings.Drain.Timeout, and
// tunnels within Settings.Drain.Tunnels, both from its start. It aborts what is
// left then, or when ctx ends, and returns an error that says so. It writes the
// pending lines of the access log. Call it once.
func (s *Server) Drain(ctx context.Context) error {
	limits := s.settings().Drain
	s.mu.Lock()
	s.draining = true
	listeners, serving := s.listeners, s.serving
	s.mu.Unlock()
	requests, cancel := context.WithTimeout(ctx, limits.Timeout)
	defer cancel()
	tunnels, cancel := context.WithTimeout(ctx, limits.Tunnels)
	defer cancel()

	// Count what is left before telling listeners to abort it, also where ctx ends.
	s.work.draining.Store(true)
	listening, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	var draining sync.WaitGroup
	for _, l := range listeners {
		draining.Go(func() { l.drain(listening) })
	}
	var errs []error
	if !s.work.wait(requests, s.work.answering) {
		errs = append(errs, fmt.Errorf("drain: %d requests aborted", s.work.answering()))
		abort()
	}
	stop := context.AfterFunc(requests, abort) // for responses that are not yet sent completely
	draining.Wait()
	stop()
	if !s.work.wait(tunnels, s.work.requests.Load) {
		if n := s.work.abortTunnels(); n > 0 {
			errs = append(errs, fmt.Errorf("drain: %d tunnels aborted", n))
		}
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
		defer cancel()
		if !s.work.wait(ending, s.work.requests.Load) {
			errs = append(errs, errors.New("drain: requests are stuck"))
		}
	}
	s.mirrors.stop()
	s.upstreams.close()
	s.table.Load().tracer.Close()
	if serving && s.config.AccessLog != nil {
		s.log.close()
	}
	return errors.Join(errs...)
}

// abortTime is how long aborted requests get to notice it.
const abortTime = 5 * time.Second

// work is what is in progress: requests, and those that became tunnels.
type work struct {
	requests atomic.Int64
	draining atomic.Bool
	changed  gatelodge.Signal // while draining, signalled when a request ends or becomes a tunnel

	mu      sync.Mutex
	tunnels map[exchange.Tunnel]struct{}
	aborted bool // close new tunnels at once
}

func (w *work) enter() { w.requests.Add(1) }

func (w *work) leave() {
	w.requests.Add(-1)
	w.notify()
}

func (w *work) notify() {
	if w.draining.Load() {
		w.changed.Raise()
	}
}

// answering returns the number of requests that are not tunnels.
func (w *work) answering() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.requests.Load() - int64(len(w.tunnels))
}

// wait returns true when nothing is left, and false when ctx ends first.
func (w *work) wait(ctx context.Context, left func() int64) bool {
	for left() > 0 {
		select {
		case <-w.changed:
		case <-ctx.Done():
			return left() == 0
		}
	}
	return true
}

func (w *work) remember(t exchange.Tunnel) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.aborted {
		_ = t.Close() // its users notice
	}
	w.tunnels[t] = struct{}{}
	w.notify()
}

func (w *work) forget(t exchange.Tunnel) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.tunnels, t)
}

// abortTunnels closes all tunnels and returns how many there were.
func (w *work) abortTunnels() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.aborted = true
	for t := range w.tunnels {
		_ = t.Close() // its users notice
	}
	return len(w.tunnels)
}
