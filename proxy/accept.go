package proxy

import (
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	gatelodge "gatelodge.dev"
)

// acceptor counts the connections of a listener and keeps them within
// Limits.Connections.
type acceptor struct {
	net.Listener
	settings func() *gatelodge.Settings
	gauge    prometheus.Gauge
	log      *slog.Logger
	open     atomic.Int64
}

// acceptPause is how long nothing is accepted after the process ran out of
// what a connection takes.
const acceptPause = 50 * time.Millisecond

// Accept waits for a connection. Whoever gets it calls done when it has ended.
// One over the limit is closed at once: a client is better told than left
// waiting.
func (a *acceptor) Accept() (net.Conn, error) {
	for {
		c, err := a.Listener.Accept()
		if err != nil {
			if !isShortage(err) {
				return nil, err
			}
			a.log.Warn("can't accept a connection", "error", err)
			<-time.After(acceptPause)
			continue
		}
		limit := int64(a.settings().Limits.Connections)
		if limit > 0 && a.open.Load() >= limit {
			_ = c.Close() // nothing was said on it
			a.log.Debug("connection over the limit", "peer", c.RemoteAddr(), "limit", limit)
			continue
		}
		a.open.Add(1)
		a.gauge.Inc()
		return c, nil
	}
}

// done gives back the place of a connection.
func (a *acceptor) done() {
	a.open.Add(-1)
	a.gauge.Dec()
}

// isShortage tells whether accepting may work again in a moment: a client that
// left before it was accepted, and a lack of descriptors or memory (accept(2)).
func isShortage(err error) bool {
	for _, passing := range []error{syscall.ECONNABORTED, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, passing) {
			return true
		}
	}
	return false
}
