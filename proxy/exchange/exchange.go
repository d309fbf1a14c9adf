// Package exchange defines the common form of an HTTP request and its response, which
// every wire engine fills in and every feature uses. It is independent of the protocol
// version: HTTP/1.1, HTTP/2 and later HTTP/3 are engines behind it.
//
// The request is pulled: a handler reads Body when it is ready for more. The
// response is pushed: the handler calls Interim, Head, Write, Flush and
// Trailers on Response. Both directions can run at once, in two goroutines, one
// reading and one writing. Features such as a limit, a buffer or a counter wrap
// Body or Response and replace the field.
//
// A connection to a backend is a Handler too: it takes an Exchange, sends the request
// and writes the response to Response. So forwarding, retries and the gateway's own
// requests use the same form.
package exchange

import (
	"context"
	"io"
	"net/netip"

	gatelodge "gatelodge.dev"
)

// Exchange is one request and the way to answer it.
//
// Strings of the request and its header are valid until the handler returns: they
// may point into a buffer that an engine reuses. Clone (strings.Clone) those to
// be kept longer.
type Exchange struct {
	// Context ends when the client is known to be gone or the engine stops. It
	// may be the connection's. Don't use it after the handler has returned.
	Context context.Context

	// Cancellation ends a handler's wait for a backend when the client is gone or the
	// request's time is over. Nil: never.
	Cancellation *Cancellation

	Conn *Conn

	// Client is the client's address. Engines set it to Conn.Peer; a feature sets
	// it to the address that a trusted proxy gives.
	Client netip.AddrPort

	Version   Version
	Method    string // as sent; the engine has checked that it is a token
	Scheme    string // "http" or "https", as the client used it with the gateway
	Authority string // the Host field or :authority, as sent
	Path      string // as sent, without the query; "*" for OPTIONS *
	Query     string // as sent, with its "?"; empty if there is none

	// Upgrade is the protocol that the client wants to change to, in lower
	// case: the Upgrade field of HTTP/1.1 (RFC 9110 §7.8), or :protocol of an
	// extended CONNECT (RFC 8441 §4), which an engine turns into a GET with
	// Length 0. It is empty for an ordinary request. An ordinary CONNECT never
	// reaches a handler.
	Upgrade string

	// Header is the request's fields in the order received. The engine removes
	// Host, Content-Length, Expect and the fields about the connection (RFC 9110
	// §7.6.1) except "te: trailers", and joins the cookie fields that HTTP/2 may
	// split.
	Header Fields

	// Length is the size of the request body in bytes, 0 for none, and -1 if it is
	// not known.
	Length int64

	// ExpectsContinue: the client sent "Expect: 100-continue" and waits for 100
	// before it sends the body (RFC 9110 §10.1.1).
	ExpectsContinue bool

	// Timeouts are those that a connection to a backend applies to the request:
	// Connect, Send and Read. Nil: those of the settings.
	Timeouts *gatelodge.Timeouts

	Body     Body // never nil
	Response Response

	// Received and Sent count the bytes of the bodies, or of the tunnel, received
	// from and sent to the client so far. Engines update them.
	Received, Sent int64
}

// Conn describes the client's connection. The exchanges of a connection share it;
// it does not change after the first one.
type Conn struct {
	Peer     netip.AddrPort // the other end, or what a trusted peer said by the PROXY protocol
	PeerText string         // the address of Peer, for fields that are added to every request
	Local    netip.AddrPort // where the connection was accepted
	Listener *gatelodge.Listener
	View     string // the listener's view for this client; "": none
	TLS      *TLS   // nil in clear text
}

// TLS describes a connection's TLS session.
type TLS struct {
	ServerName string // as the client sent it; empty for none
	Version    uint16 // tls.VersionTLS12, …
	Handshake  *gatelodge.Handshake
}

// Version is the version of HTTP that the client uses.
type Version uint8

// The versions of HTTP.
const (
	HTTP10 Version = iota
	HTTP11
	HTTP2
	HTTP3
)

// String returns the version in the form that access logs use.
func (v Version) String() string {
	return [...]string{"HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "HTTP/3.0"}[v]
}

// Body is the body of a request.
type Body interface {
	// Read returns io.EOF at the end. Other errors wrap ErrClient; the handler
	// still has to answer the client, so that the answer is logged like any other.
	// The first Read sends 100 to a client that waits for it (ExpectsContinue),
	// unless Interim(100) or Head was called.
	io.Reader
	// Trailers returns the fields after the body (RFC 9110 §6.5), once Read has
	// returned io.EOF.
	Trailers() Fields
	// Close ends reading: a pending Read in another goroutine returns, and every
	// later one fails. The engine deals with the rest of the body. Close may be
	// called from any goroutine, and more than once.
	Close() error
	// Reopen undoes Close, for a request that is sent again: the next Read goes
	// on where the last one ended.
	Reopen()
}

// Buffered returns the minimum of bytes that Read returns without waiting, and whether
// that is all that is left of the body. Engines use it to send a small body together
// with the head, and to flush before a Read may wait. A Body may implement it with a
// method of this name; otherwise the result is 0 and false. So a wrapper must have the
// method too.
func Buffered(b Body) (n int64, whole bool) {
	if offers, ok := b.(interface{ Buffered() (int64, bool) }); ok {
		return offers.Buffered()
	}
	return 0, false
}

// Response writes the response, with calls in this order: any number of Interim,
// one Head or one Tunnel, any number of Write and Flush, at most one Trailers. An
// error wraps ErrClient: the client is gone, and nothing more needs to be written.
// No argument is kept after the call.
//
// The response ends when the handler returns. It is complete if the handler returned
// nil and the body has the length that Head announced; otherwise it is aborted, and the
// client can detect that.
type Response interface {
	// Interim sends an interim response at once, status 100 or 102 to 199. It is
	// dropped if the client can't receive it (HTTP/1.0), and so is a 100 that the
	// client does not wait for.
	Interim(status int, header Fields) error
	// Head writes the final status, 200 to 999, and the fields, which must not
	// include Content-Length or fields about the connection. length is the size of
	// the body in bytes, -1 if it is not known or trailers may follow an empty one;
	// for a response without a body by definition (to HEAD, 204, 304) it is the
	// value of Content-Length.
	Head(status int, header Fields, length int64) error
	// Write writes a part of the body. For a response without a body it does
	// nothing.
	Write(p []byte) (int, error)
	// Flush sends what Head and Write have buffered. Without it they are sent at
	// the end of the response at the latest.
	Flush() error
	// Trailers writes fields after the body. They are dropped if the protocol or
	// the client doesn't allow it.
	Trailers(trailers Fields) error
	// Tunnel accepts an Upgrade: it sends 101 (or, for an extended CONNECT, 200)
	// with the fields, and returns the connection in both directions. protocol is
	// the value of the Upgrade field of a 101.
	Tunnel(protocol string, header Fields) (Tunnel, error)
}

// Tunnel is the stream in both directions that an exchange becomes after an
// upgrade. The handler closes it before it returns; Close may be called from any
// goroutine and ends a pending Read or Write.
type Tunnel interface {
	io.ReadWriteCloser
	// CloseWrite tells the peer that nothing more will be sent, if the protocol
	// allows it.
	CloseWrite() error
}

// Handler answers an exchange. Returning nil after Head or Tunnel ends the
// response; an error aborts it. If a handler returns without an answer, the engine
// answers 500; after an error that wraps ErrClient it only closes the stream.
type Handler func(*Exchange) error
