package nethttp

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

const (
	// idleConnections is how many connections to an endpoint are kept open for
	// the next request.
	idleConnections = 256
	// idleTimeout is how long one of them is kept. Servers that close earlier
	// are noticed; a longer time would only hold memory.
	idleTimeout = 60 * time.Second
	// answerHead is the most octets that the head of an answer may have.
	answerHead = 1 << 20
)

// Endpoint sends exchanges to one address of a backend, over HTTP/2 with prior
// knowledge.
type Endpoint struct {
	host      string // address and port
	settings  func() *gatelodge.Settings
	transport *http.Transport
	buffers   buffers
}

// NewEndpoint returns the endpoint at address. Timeouts are those of settings
// at the time of a connection or request.
func NewEndpoint(address netip.AddrPort, settings func() *gatelodge.Settings) *Endpoint {
	e := &Endpoint{host: address.String(), settings: settings}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	e.transport = &http.Transport{
		Protocols:              &protocols,
		DialContext:            e.dial,
		DisableCompression:     true, // or it would ask for gzip and unpack it
		MaxIdleConns:           idleConnections,
		MaxIdleConnsPerHost:    idleConnections,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: answerHead,
	}
	return e
}

// CloseIdle closes the connections that no exchange is on, and has the others
// closed when theirs ends.
func (e *Endpoint) CloseIdle() {
	e.transport.CloseIdleConnections()
}

// dial connects to the endpoint. Its error says that nothing was sent.
func (e *Endpoint) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: e.settings().Timeouts.Connect}
	c, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, &dialError{err}
	}
	return &endpointConn{Conn: c, settings: e.settings}, nil
}

// dialError is a failed attempt to connect.
type dialError struct{ err error }

func (e *dialError) Error() string { return fmt.Sprintf("connect: %v", e.err) }
func (e *dialError) Unwrap() []error {
	if isTimeout(e.err) {
		return []error{exchange.ErrUnsent, exchange.ErrTimeout, e.err}
	}
	return []error{exchange.ErrUnsent, e.err}
}

// endpointConn is a connection on which each write must make progress in time.
type endpointConn struct {
	net.Conn
	settings func() *gatelodge.Settings
}

// Write sends p within Timeouts.Send.
func (c *endpointConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(deadline(c.settings().Timeouts.Send)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
