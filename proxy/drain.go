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

// Leave lets clients know that it is time to connect to somebody else, while all
// goes on as before: an answer over HTTP/1.1 ends its connection, and one over
// HTTP/2 comes with a GOAWAY. In a Drain some time later only those clients have
// a connection who do not use it. Else a request over HTTP/1.1 might cross with
// the end of its idle connection, and a connection over HTTP/2 might break
// because its packets come to another replica by then.
func (s *Server) Leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.listeners {
		l.http1.Leave()
		l.http2.Leave()
	}
}

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
	requests, cancel := context.WithTimeout(ctx, limits.Timeout)
	defer cancel()
	tunnels, cancel := context.WithTimeout(ctx, limits.Tunnels)
	defer cancel()

	// Listeners are told to break off only when what that hits was counted.
	s.work.draining.Store(true)
	listening, breakOff := context.WithCancel(ctx)
	defer breakOff()
	var draining sync.WaitGroup
	for _, l := range listeners {
		draining.Go(func() { l.drain(listening) })
	}
	var errs []error
	if !s.work.wait(requests, s.work.answering) {
		errs = append(errs, fmt.Errorf("drain: %d requests broken off", s.work.answering()))
		breakOff()
	}
	stop := context.AfterFunc(requests, breakOff) // for answers that are not all sent yet
	draining.Wait()
	stop()
	if !s.work.wait(tunnels, s.work.requests.Load) {
		if n := s.work.breakOff(); n > 0 {
			errs = append(errs, fmt.Errorf("drain: %d tunnels broken off", n))
		}
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), breakOffTime)
		defer cancel()
		if !s.work.wait(ending, s.work.requests.Load) {
			errs = append(errs, errors.New("drain: requests are stuck"))
		}
	}
	s.upstreams.close()
	if serving && s.config.AccessLog != nil {
		s.log.close()
	}
	return errors.Join(errs...)
}

// breakOffTime is what the requests get that were broken off, to notice it.
const breakOffTime = 5 * time.Second

// work is what is under way: requests, and those of them that became tunnels.
type work struct {
	requests atomic.Int64
	draining atomic.Bool
	changed  chan struct{} // gets an item when something ends, or becomes a tunnel, in a drain

	mu      sync.Mutex
	tunnels map[exchange.Tunnel]struct{}
	broken  bool // no tunnel may stay
}

func (w *work) enter() { w.requests.Add(1) }

func (w *work) leave() {
	w.requests.Add(-1)
	w.notify()
}

func (w *work) notify() {
	if w.draining.Load() {
		select {
		case w.changed <- struct{}{}:
		default: // whoever waits has yet to look
		}
	}
}

// answering is how many requests there are that are no tunnels.
func (w *work) answering() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.requests.Load() - int64(len(w.tunnels))
}

// wait returns true when nothing is left, and false when ctx ends before.
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
	if w.broken {
		_ = t.Close() // whoever uses it finds out
	}
	w.tunnels[t] = struct{}{}
	w.notify()
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
