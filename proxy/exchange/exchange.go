// Package exchange is the one form of an HTTP request and its response that
// every wire engine fills and every feature works on. It knows no protocol
// version: HTTP/1.1, HTTP/2 and later HTTP/3 are engines behind it.
//
// The request is pulled: a handler reads Body when it is ready for more. The
// response is pushed: the handler calls Inform, Head, Write, Flush and
// Trailers on Response as it goes. Both ways can run at once, from two
// goroutines, one reading and one writing. Features wrap Body or Response, as
// a limit, a buffer or a counter, by putting themselves into the field.
//
// A connection to a backend is a Handler too: it is given an Exchange, sends
// the request and answers into its Response. Forwarding, retries and requests
// of our own therefore need no second form.
package exchange

import (
	"context"
	"io"
	"net/netip"

	gatelodge "gatelodge.dev"
)

// Exchange is one request and the way to answer it.
//
// Strings of the request and its header live until the handler returns: an
// engine may have them point into a buffer that it uses again. Whoever keeps
// one longer clones it (strings.Clone).
type Exchange struct {
	// Context ends when the client is known to be gone or the engine stops. It
	// may be the connection's, and is not for use after the handler returned.
	Context context.Context

	// Gone tells a handler that waits for somebody else that its client is
	// gone. Nil: nobody will.
	Gone *Gone

	Conn *Conn

	// Client is who asks. Engines set it to Conn.Peer; a feature that believes
	// a trusted proxy puts in what that says.
	Client netip.AddrPort

	Version   Version
	Method    string // as sent; the engine has checked that it is a token
	Scheme    string // "http" or "https": what the client used towards us
	Authority string // the Host field or :authority, as sent
	Path      string // as sent, without the query; "*" for OPTIONS *
	Query     string // as sent, with its "?"; empty if there is none

	// Upgrade is the protocol that the client wants to change to, in lower
	// case: the Upgrade field of HTTP/1.1 (RFC 9110 §7.8), or :protocol of an
	// extended CONNECT (RFC 8441 §4), which an engine turns into a GET with
	// Length 0. It is empty for an ordinary request. A CONNECT of the ordinary
	// kind never reaches a handler.
	Upgrade string

	// Header is the request's fields in the order in which they came. It has
	// no Host, no Content-Length, no Expect and no field that is about the
	// connection (RFC 9110 §7.6.1) but for "te: trailers": the engine took
	// them out. The cookie fields that HTTP/2 may split are joined.
	Header Fields

	// Length is the size of the request body in bytes, 0 for none, and -1 for
	// one that ends when it ends.
	Length int64

	// Waits tells that the client sent Expect: 100-continue and holds its
	// body back for now (RFC 9110 §10.1.1).
	Waits bool

	Body     Body // never nil
	Response Response

	// Received and Sent count the bytes of the bodies, or of the tunnel, that
	// came from and went to the client so far. Engines keep them.
	Received, Sent int64
}

// Conn is what is known of the connection that an exchange came on. It is
// shared by the exchanges of that connection and not written after the first.
type Conn struct {
	Peer     netip.AddrPort // who is connected, or was to a trusted PROXY protocol peer
	PeerText string         // the address of Peer, for fields that every request is given
	Local    netip.AddrPort // where the connection was accepted
	Listener *gatelodge.Listener
	TLS      *TLS // nil in clear text
}

// TLS is what is known of a connection's TLS session.
type TLS struct {
	ServerName string // as the client sent it; empty for none
	Version    uint16 // tls.VersionTLS12, …
	Handshake  *gatelodge.Handshake
}

// Version is the version of HTTP that the client speaks.
type Version uint8

// The versions of HTTP.
const (
	HTTP10 Version = iota
	HTTP11
	HTTP2
	HTTP3
)

// String is the version as an access log writes it.
func (v Version) String() string {
	return [...]string{"HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "HTTP/3.0"}[v]
}

// Body is the body of a request.
type Body interface {
	// Read returns io.EOF at the end. An error wraps ErrClient; nobody has
	// answered the client yet: that is for the handler to do, so that it is
	// logged like any other answer. The first Read asks a client that Waits to
	// go on, unless Inform(100) did or Head was called.
	io.Reader
	// Trailers returns the fields that came after the body (RFC 9110 §6.5).
	// They are there once Read has returned io.EOF.
	Trailers() Fields
	// Close ends reading: a Read that is under way in another goroutine
	// returns, and every later one fails. The engine deals with the rest of
	// the body. It may be called from any goroutine, and more than once.
	Close() error
}

// Buffered returns how much of a body Read gives without waiting, at least, and
// whether that is all that is left of it. Engines ask so as to send a small
// body along with the head, and to let go of what they hold back before a Read
// may wait. A Body offers it by a method of this name; where it does not,
// nothing is known and the answer is 0 and false. So a wrapper that means to
// let it through has to have the method as well.
func Buffered(b Body) (n int64, whole bool) {
	if offers, ok := b.(interface{ Buffered() (int64, bool) }); ok {
		return offers.Buffered()
	}
	return 0, false
}

// Response takes the answer, in this order: any number of Inform, one Head or
// one Tunnel, any number of Write and Flush, at most one Trailers. An error
// wraps ErrClient: the client is gone, and nothing more needs to be written.
// Nothing passed in is kept after the call.
//
// The response ends when the handler returns: cleanly if it returned nil and
// the body has the length that Head announced, and broken off, so that the
// client can tell, otherwise.
type Response interface {
	// Inform sends an interim response at once, status 100 or 102 to 199. It
	// is dropped where the client can't take it (HTTP/1.0), and so is a 100
	// that nobody waits for.
	Inform(status int, header Fields) error
	// Head gives the final status, 200 to 999, and fields, which hold no
	// Content-Length and nothing about the connection. length is the size of
	// the body in bytes, -1 if it is not known; where the response has no body
	// by definition (to HEAD, 204, 304) it is what Content-Length would say.
	Head(status int, header Fields, length int64) error
	// Write gives a part of the body. For a response that has no body it does
	// nothing.
	Write(p []byte) (int, error)
	// Flush sends what Head and Write have held back. Without it they are sent
	// at the end at the latest.
	Flush() error
	// Trailers gives fields to send after the body, where the protocol and the
	// client allow it; elsewhere they are dropped.
	Trailers(trailers Fields) error
	// Tunnel answers an Upgrade: it sends 101 (or, for an extended CONNECT,
	// 200) with the fields, and hands over the connection in both directions.
	// protocol is what the Upgrade field of a 101 says.
	Tunnel(protocol string, header Fields) (Tunnel, error)
}

// Tunnel is what an exchange becomes after an upgrade: a stream in both
// directions. Whoever asked for it closes it before the handler returns; Close
// may be called from any goroutine and ends a pending Read or Write.
type Tunnel interface {
	io.ReadWriteCloser
	// CloseWrite tells the peer that nothing more comes, where the protocol
	// can say so.
	CloseWrite() error
}

// Handler answers an exchange. A nil return after Head or Tunnel ends the
// response, any other breaks it off. An engine answers with 500 where a
// handler returns without having answered; after an error that wraps ErrClient
// it just closes the stream.
type Handler func(*Exchange) error
