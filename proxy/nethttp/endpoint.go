package nethttp

import (
	"context"
	"crypto/tls"
	"errors"
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

// Endpoint sends exchanges to one address of a backend, over HTTP/2: with prior
// knowledge, or over TLS.
type Endpoint struct {
	scheme    string
	host      string      // address and port
	tls       *tls.Config // nil: clear text
	settings  func() *gatelodge.Settings
	transport *http.Transport
	buffers   buffers
}

// NewEndpoint returns the endpoint at address, which speaks TLS as config says;
// nil: clear text. Timeouts are those of settings at the time of a connection
// or request.
func NewEndpoint(address netip.AddrPort, config *tls.Config, settings func() *gatelodge.Settings) *Endpoint {
	e := &Endpoint{scheme: "http", host: address.String(), tls: config, settings: settings}
	var protocols http.Protocols
	if config != nil {
		e.scheme = "https"
		protocols.SetHTTP2(true)
	} else {
		protocols.SetUnencryptedHTTP2(true)
	}
	e.transport = &http.Transport{
		Protocols:              &protocols,
		DialContext:            e.dial,
		DialTLSContext:         e.dial,
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

// dial connects to the endpoint, with TLS within the same time. Its error says
// that nothing was sent.
func (e *Endpoint) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if timeout := e.settings().Timeouts.Connect; timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, &dialError{err}
	}
	conn := &endpointConn{Conn: c, settings: e.settings}
	if e.tls == nil {
		return conn, nil
	}
	secured, err := handshake(ctx, conn, e.tls)
	if err != nil {
		c.Close()
		return nil, &dialError{err}
	}
	return secured, nil
}

// handshake returns the connection over TLS, agreed to speak HTTP/2 (RFC 9113
// §3.2). To an endpoint that agreed to nothing the transport would speak
// HTTP/1.1.
func handshake(ctx context.Context, conn net.Conn, config *tls.Config) (net.Conn, error) {
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	if secured.ConnectionState().NegotiatedProtocol != "h2" {
		return nil, errNoHTTP2
	}
	return secured, nil
}

// errNoHTTP2: the endpoint speaks TLS, and HTTP/1.1 within.
var errNoHTTP2 = errors.New("the endpoint does not agree to HTTP/2 (ALPN)")

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
