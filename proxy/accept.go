package proxy

import (
	"errors"
	"log/slog"
	"net"
	"sync/atomic"

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

// Accept waits for a connection. One over the limit is closed at once: a client
// is better told than left waiting.
func (a *acceptor) Accept() (net.Conn, error) {
	for {
		c, err := a.Listener.Accept()
		if err != nil {
			return nil, err
		}
		limit := int64(a.settings().Limits.Connections)
		if limit > 0 && a.open.Load() >= limit {
			_ = c.Close() // nothing was said on it
			a.log.Debug("connection over the limit", "peer", c.RemoteAddr(), "limit", limit)
			continue
		}
		a.open.Add(1)
		a.gauge.Inc()
		return &acceptedConn{Conn: c, acceptor: a}, nil
	}
}

// acceptedConn gives back its place when it is closed.
type acceptedConn struct {
	net.Conn
	acceptor *acceptor
	closed   atomic.Bool
}

// Close closes the connection, and counts that once.
func (c *acceptedConn) Close() error {
	if !c.closed.Swap(true) {
		c.acceptor.open.Add(-1)
		c.acceptor.gauge.Dec()
	}
	return c.Conn.Close()
}

// CloseWrite tells the client that nothing more comes.
func (c *acceptedConn) CloseWrite() error {
	tcp, ok := c.Conn.(*net.TCPConn)
	if !ok {
		return errors.ErrUnsupported
	}
	return tcp.CloseWrite()
}
