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

// acceptor counts the connections of a listener and limits them to
// Limits.Connections.
type acceptor struct {
	net.Listener
	settings func() *gatelodge.Settings
	gauge    prometheus.Gauge
	log      *slog.Logger
	open     atomic.Int64
}

// acceptPause is the delay after running out of file descriptors or memory.
const acceptPause = 50 * time.Millisecond

// Accept waits for a connection. The caller must call done when the connection has
// ended. A connection over the limit is closed at once rather than left waiting.
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
			_ = c.Close() // nothing was sent on it
			a.log.Debug("connection over the limit", "peer", c.RemoteAddr(), "limit", limit)
			continue
		}
		a.open.Add(1)
		a.gauge.Inc()
		return c, nil
	}
}

// done ends the accounting of a connection.
func (a *acceptor) done() {
	a.open.Add(-1)
	a.gauge.Dec()
}

// isShortage reports whether a failed accept may succeed again shortly: after
// running out of file descriptors or memory, or if the client already disconnected
// (accept(2)).
func isShortage(err error) bool {
	for _, temporary := range []error{syscall.ECONNABORTED, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, temporary) {
			return true
		}
	}
	return false
}
