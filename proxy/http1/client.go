package http1

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// ErrStale: a reused connection ended before any byte of the response arrived,
// most likely because the endpoint closed it as idle at that moment. It wraps
// exchange.ErrBackend. The request may have been processed, so only an idempotent
// one may be sent again (RFC 9110 §9.2.2).
var ErrStale = fmt.Errorf("%w: the kept connection ended before an answer", exchange.ErrBackend)

// Options of a Client. Settings has to be set.
type Options struct {
	// Settings returns the current timeouts and limits; the limits of request heads
	// apply to response heads, too.
	Settings func() *gatelodge.Settings

	// Dial connects to the endpoint; nil is plain TCP. ctx ends after
	// Timeouts.Connect of the request.
	Dial func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)

	// MaxIdle is how many unused connections are kept; 0 is DefaultMaxIdle.
	MaxIdle int

	// IdleTimeout is how long an unused connection is kept; 0 is
	// DefaultIdleTimeout.
	IdleTimeout time.Duration
}

// The defaults of Options. Many servers close idle connections after 60 or 75
// seconds; closing them earlier avoids the race with a request.
const (
	DefaultMaxIdle     = 1024
	DefaultIdleTimeout = 50 * time.Second
)

// Client sends requests to one endpoint, over connections that it reuses.
type Client struct {
	addr     netip.AddrPort
	host     string // the Host field for requests without one
	opts     Options
	forwards sync.Pool // of *forward

	mu     sync.Mutex
	idle   []*endpointConn // the last used one at the end
	reaper *time.Timer     // will run reap; nil if no connection is idle
	closed bool
}

// endpointConn is a connection to an endpoint.
type endpointConn struct {
	bc     bufConn
	reused bool      // it served an earlier request
	slow   bool      // it may take what it is sent slowly
	since  time.Time // when it became idle
}

// Close aborts a request in progress on the connection.
func (ec *endpointConn) Close() error { return ec.bc.conn.Close() }

// NewClient returns a Client for the endpoint at addr. It connects at the first
// request.
func NewClient(addr netip.AddrPort, opts Options) *Client {
	if opts.MaxIdle == 0 {
		opts.MaxIdle = DefaultMaxIdle
	}
	if opts.IdleTimeout == 0 {
		opts.IdleTimeout = DefaultIdleTimeout
	}
	if opts.Dial == nil {
		opts.Dial = wire.Dial
	}
	return &Client{addr: addr, host: addr.String(), opts: opts}
}

// Do sends the request of ex to the endpoint and writes the response to ex
// (exchange.Handler). It forwards Header unchanged, and adds the fields about
// host, framing and connection. For an upgrade Do runs until the tunnel ends.
//
// An error of the endpoint wraps exchange.ErrBackend, and
//   - ErrUnsent if it accepts no connection, or no byte on it,
//   - ErrStale if a reused connection ends before a response,
//   - ErrTimeout if it makes no progress for Timeouts.Connect, Send or Read, which
//     are those of ex if it has some,
//   - ErrTooLarge if the head of the response exceeds a limit,
//   - none of these if it closes or resets at any other point, or its response
//     is malformed. Unless Head was called, the client has received nothing.
//
// An error of the client wraps ErrClient, and one that wraps neither says that
// the request can't be written. A response that arrives before the end of the
// request's body is forwarded, and the rest of the body is left to the client's
// engine. Context ends the attempt to connect; after that, Cancellation ends the request,
// and the timeouts limit how long Do waits for either peer. The error of a request
// that Cancellation ends is that of its Err.
func (c *Client) Do(ex *exchange.Exchange) error {
	if err := wire.CheckRequest(ex); err != nil {
		return err
	}
	if err := ex.Cancellation.Err(); err != nil { // rather than open a connection, or end a kept one, for nothing
		return err
	}
	f := c.takeForward(ex)
	err := f.run()
	c.giveForward(f)
	return err
}

// Close closes the idle connections, and each other one when its request has
// ended. After that Do uses a new connection for each request.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	idle := c.idle
	c.idle = nil
	if c.reaper != nil {
		c.reaper.Stop()
	}
	c.mu.Unlock()
	for _, ec := range idle {
		ec.bc.close()
	}
}

// take returns the last used idle connection, or makes a new one within timeout.
func (c *Client) take(ctx context.Context, timeout time.Duration) (*endpointConn, error) {
	c.mu.Lock()
	if n := len(c.idle); n > 0 {
		ec := c.idle[n-1]
		c.idle[n-1] = nil
		c.idle = c.idle[:n-1]
		c.mu.Unlock()
		ec.reused = true
		return ec, nil
	}
	c.mu.Unlock()

	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	nc, err := c.opts.Dial(ctx, c.addr)
	if err != nil {
		return nil, wire.Unsent(c.host, err)
	}
	ec := &endpointConn{}
	ec.bc.init(nc)
	ec.bc.unwrapTLS()
	wire.LimitSilence(nc, c.opts.Settings().Timeouts.Connect) // as long as it had to accept this
	return ec, nil
}

// takesTime says that the endpoint may take what it is sent slowly, until the request
// has ended.
func (ec *endpointConn) takesTime() {
	ec.slow = true
	wire.LimitSilence(ec.bc.conn, 0)
}

// put keeps a connection for reuse after a response was read to its end.
func (c *Client) put(ec *endpointConn) {
	ec.bc.release()
	if ec.slow {
		ec.slow = false
		wire.LimitSilence(ec.bc.conn, c.opts.Settings().Timeouts.Connect)
	}
	c.mu.Lock()
	if c.closed || len(c.idle) >= c.opts.MaxIdle {
		c.mu.Unlock()
		ec.bc.close()
		return
	}
	ec.since = time.Now()
	c.idle = append(c.idle, ec)
	if c.reaper == nil {
		c.reaper = time.AfterFunc(c.opts.IdleTimeout, c.reap)
	}
	c.mu.Unlock()
}

// reap closes the connections that were idle for too long. The least recently used
// are first, and might otherwise never be noticed when the endpoint closes them.
func (c *Client) reap() {
	now := time.Now()
	c.mu.Lock()
	n := 0
	for n < len(c.idle) && now.Sub(c.idle[n].since) >= c.opts.IdleTimeout {
		n++
	}
	old := slices.Clone(c.idle[:n])
	c.idle = slices.Delete(c.idle, 0, n)
	c.reaper = nil
	if len(c.idle) > 0 && !c.closed {
		c.reaper = time.AfterFunc(c.idle[0].since.Add(c.opts.IdleTimeout).Sub(now), c.reap)
	}
	c.mu.Unlock()
	for _, ec := range old {
		ec.bc.close()
	}
}
