package http2

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// Options are those of a Client. Settings is required.
type Options struct {
	// Settings returns the current timeouts and limits; the limits of request heads
	// also apply to response heads.
	Settings func() *gatelodge.Settings

	// Dial connects to the endpoint; nil means plain TCP with HTTP/2 by prior
	// knowledge. ctx ends after Timeouts.Connect.
	Dial func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)

	// IdleTimeout is how long an unused connection is kept; 0 is
	// DefaultIdleTimeout.
	IdleTimeout time.Duration
}

// DefaultIdleTimeout is the default of Options.IdleTimeout. Many servers close idle
// connections after 60 or 75 seconds; closing first avoids a race with a request.
const DefaultIdleTimeout = 50 * time.Second

// Client sends requests to one endpoint, many at a time over one connection, and over
// more connections if the endpoint accepts fewer streams.
type Client struct {
	addr     netip.AddrPort
	host     string // the :authority if the client sent none
	opts     Options
	forwards sync.Pool // of *forward

	mu      sync.Mutex
	conns   []*endpointConn // those that accept requests, or will when their settings are known
	dialing bool            // a connection is being made
	changed chan struct{}   // closed when there may be room; nil if no request waits
	closed  bool
}

// NewClient returns a Client for the endpoint at addr. It connects at the first
// request.
func NewClient(addr netip.AddrPort, opts Options) *Client {
	if opts.IdleTimeout == 0 {
		opts.IdleTimeout = DefaultIdleTimeout
	}
	if opts.Dial == nil {
		opts.Dial = wire.Dial
	}
	return &Client{addr: addr, host: addr.String(), opts: opts}
}

// Do sends the request of ex to the endpoint and answers with the response
// (exchange.Handler). It passes on Header unchanged. An Upgrade becomes an extended
// CONNECT if the endpoint supports it (RFC 8441), and Do runs until the tunnel ends;
// otherwise the Upgrade is left out.
//
// An error of the endpoint wraps exchange.ErrBackend, and
//   - ErrUnsent if it does not accept a connection or a byte on it,
//   - ErrUnprocessed, and ErrUnsent, if it says that it has not processed the
//     request (RFC 9113 §8.7),
//   - ErrTimeout if it makes no progress for Timeouts.Connect, Send or Read, which
//     are those of ex if it has some,
//   - ErrTooLarge if its answer's head is over a limit,
//   - none of these if it closes or resets at any other point, or what it sends
//     is malformed. Unless Head was called before, the client has got nothing.
//
// An error of the client wraps ErrClient; one that wraps neither means that the request
// can't be written. An answer before the end of the request's body is passed on, and
// the rest of the body is left to the client's engine. Context ends the attempt to
// connect; afterwards Cancellation ends the request, and the timeouts limit how long Do
// waits for either peer. If Cancellation ends a request, the error is that of its Err.
func (c *Client) Do(ex *exchange.Exchange) error {
	if err := wire.CheckRequest(ex); err != nil {
		return err
	}
	if err := ex.Cancellation.Err(); err != nil {
		return err
	}
	f := c.takeForward(ex)
	err := f.run()
	c.giveForward(f)
	return err
}

// Close closes the connections without requests, and the others when their requests are
// done. Do still works afterwards, on connections that end with the request.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	conns := c.conns
	c.conns = nil
	c.mu.Unlock()
	for _, ec := range conns {
		ec.link.mu.Lock()
		ec.retire()
		ec.link.mu.Unlock()
	}
}

// take returns a connection with room for one more request, and opens one if there is
// none. It opens one at a time; other requests wait, because its settings may allow all
// of them. A request that needs to know the settings waits too. No wait takes longer
// than timeout.
func (c *Client) take(ctx context.Context, timeout time.Duration, upgrade bool) (*endpointConn, error) {
	for waited := false; ; waited = true {
		c.mu.Lock()
		pending := c.dialing
		for _, ec := range c.conns {
			switch {
			case !ec.ready && (upgrade || ec.active > 0):
				pending = true
			case ec.active < ec.limit:
				ec.active++
				c.mu.Unlock()
				return ec, nil
			}
		}
		if timeout > 0 && !waited {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, timeout)
			defer cancel()
		}
		if !pending {
			c.dialing = true
			c.mu.Unlock()
			ec, err := c.connect(ctx, upgrade)
			if ec != nil || err != nil {
				return ec, err
			}
			continue
		}
		if c.changed == nil {
			c.changed = make(chan struct{})
		}
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, wire.Unsent(c.host, ctx.Err())
		}
	}
}

// connect opens a connection. Its first stream is for the request that needs it, unless
// that has to wait for the settings.
func (c *Client) connect(ctx context.Context, upgrade bool) (*endpointConn, error) {
	nc, err := c.opts.Dial(ctx, c.addr)
	if err != nil {
		err = wire.Unsent(c.host, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dialing = false
	c.notify()
	if err != nil {
		return nil, err
	}
	ec := newEndpointConn(c, nc)
	c.conns = append(c.conns, ec)
	go ec.serve()
	if upgrade {
		return nil, nil
	}
	ec.active++
	return ec, nil
}

// release frees the place of a request.
func (c *Client) release(ec *endpointConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ec.active--
	c.notify()
}

// learn records how many concurrent requests a connection allows.
func (c *Client) learn(ec *endpointConn, limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ec.ready, ec.limit = true, limit
	c.notify()
}

// drop removes a connection that accepts no more requests.
func (c *Client) drop(ec *endpointConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.conns, ec); i >= 0 {
		c.conns = slices.Delete(c.conns, i, i+1)
	}
	c.notify()
}

// notify wakes the requests that wait for a place.
func (c *Client) notify() {
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// isClosed reports whether connections end when their requests are done.
func (c *Client) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}
