package http1

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// ErrStale: a connection that had served other requests ended before any byte
// of the answer came, most likely because the endpoint closed it as idle just
// then. It wraps exchange.ErrBackend. Whether the request was processed nobody
// knows, so only an idempotent one may be sent again (RFC 9110 §9.2.2).
var ErrStale = fmt.Errorf("%w: the kept connection ended before an answer", exchange.ErrBackend)

// Options of a Client. Settings has to be set.
type Options struct {
	// Settings gives the timeouts and limits of the moment; the limits of
	// request heads hold for response heads too.
	Settings func() *gatelodge.Settings

	// Dial connects to the endpoint; nil is plain TCP. It is given
	// Timeouts.Connect through ctx.
	Dial func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)

	// MaxIdle is how many unused connections are kept; 0 is DefaultMaxIdle.
	MaxIdle int

	// IdleTimeout is how long an unused connection is kept; 0 is
	// DefaultIdleTimeout.
	IdleTimeout time.Duration
}

// The defaults of Options. Many servers close idle connections after 60 or 75
// seconds; to be first spares a request the race.
const (
	DefaultMaxIdle     = 1024
	DefaultIdleTimeout = 50 * time.Second
)

// Client sends requests to one endpoint, over connections that it keeps for
// further requests.
type Client struct {
	addr     netip.AddrPort
	host     string // what Host says where the client said nothing
	opts     Options
	forwards sync.Pool // of *forward

	mu     sync.Mutex
	idle   []*endpointConn // the one used last at the end
	reaper *time.Timer     // will run reap; nil if nothing has been idle for long
	closed bool
}

// endpointConn is a connection to an endpoint.
type endpointConn struct {
	s      stream
	reused bool      // it served a request before this one
	since  time.Time // when it became idle
}

// Close ends a request that is under way on the connection.
func (ec *endpointConn) Close() error { return ec.s.conn.Close() }

// NewClient makes a Client for the endpoint at addr. It connects when it is
// first used.
func NewClient(addr netip.AddrPort, opts Options) *Client {
	if opts.MaxIdle == 0 {
		opts.MaxIdle = DefaultMaxIdle
	}
	if opts.IdleTimeout == 0 {
		opts.IdleTimeout = DefaultIdleTimeout
	}
	if opts.Dial == nil {
		opts.Dial = func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
			return new(net.Dialer).DialTCP(ctx, "tcp", netip.AddrPort{}, addr)
		}
	}
	return &Client{addr: addr, host: addr.String(), opts: opts}
}

// Do sends the request of ex to the endpoint and answers with the response
// (exchange.Handler). It passes on Header as it stands, and adds what is about
// Host, framing and the connection. Upgrades become tunnels, for which Do runs
// until they end.
//
// An error of the endpoint wraps exchange.ErrBackend, and
//   - ErrUnsent if it does not accept a connection or a byte on it,
//   - ErrStale if a kept connection ends before an answer,
//   - ErrTimeout if it makes no progress for Timeouts.Connect, Send or Read,
//   - ErrTooLarge if its answer's head is over a limit,
//   - none of these if it closes or resets at any other point, or what it sends
//     is malformed. Unless Head was called before, the client has got nothing.
//
// An error of the client wraps ErrClient, and one that wraps neither says that
// the request can't be written. An answer that comes before the end of the
// request's body is passed on, and the rest of the body left to the client's
// engine. Context ends the attempt to connect; afterwards Gone ends the
// request, and the timeouts bound how long Do waits for either peer.
func (c *Client) Do(ex *exchange.Exchange) error {
	if err := wire.CheckRequest(ex); err != nil {
		return err
	}
	f := c.takeForward(ex)
	err := f.run()
	c.giveForward(f)
	return err
}

// Close ends the idle connections, and each other one when its request is
// done. Do works afterwards, on a connection for each request.
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
		ec.s.close()
	}
}

// take returns an idle connection, the one used last, or makes one.
func (c *Client) take(ctx context.Context) (*endpointConn, error) {
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

	if timeout := c.opts.Settings().Timeouts.Connect; timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	nc, err := c.opts.Dial(ctx, c.addr)
	if err != nil {
		return nil, wire.Unsent(c.host, err)
	}
	ec := &endpointConn{}
	ec.s.init(nc)
	ec.s.lookUnder()
	return ec, nil
}

// put keeps a connection on which a response was read to its end.
func (c *Client) put(ec *endpointConn) {
	ec.s.release()
	c.mu.Lock()
	if c.closed || len(c.idle) >= c.opts.MaxIdle {
		c.mu.Unlock()
		ec.s.close()
		return
	}
	ec.since = time.Now()
	c.idle = append(c.idle, ec)
	if c.reaper == nil {
		c.reaper = time.AfterFunc(c.opts.IdleTimeout, c.reap)
	}
	c.mu.Unlock()
}
