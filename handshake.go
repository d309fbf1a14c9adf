package gatelodge

import "context"

// Handshake carries what package tls decided for one TLS connection to the server
// that uses the connection, and the view that tls needs for the decision. It
// travels in the context of the handshake, because tls and the servers do not
// import each other. Resumed sessions fill it in too.
type Handshake struct { // selects what the client is served: see Snapshot.ViewFor; set before the handshake
	View string // what the client is served: see Snapshot.ViewFor; set before

	Certificates []*Certificate // candidates for the requested server name; empty: a self-signed certificate

	// ClientTrust is the key of the ClientTrust under which the client was asked
	// for a certificate, or "" if it was not asked. Client is the certificate that
	// it presented, or nil.
	ClientTrust string
	Client      *ClientCertificate
}

// Covers reports whether one of the handshake's certificates is valid for host, so
// that the client may request host on the same connection (RFC 9110 §7.4).
func (h *Handshake) Covers(host Name) bool {
	for _, c := range h.Certificates {
		if c.Covers(host) {
			return true
		}
	}
	return false
}

type handshakeKey struct{}

// WithHandshake returns a context for a TLS handshake, which stores its result in h.
func WithHandshake(ctx context.Context, h *Handshake) context.Context {
	return context.WithValue(ctx, handshakeKey{}, h)
}

// HandshakeOf returns the Handshake that WithHandshake put into ctx, or nil.
func HandshakeOf(ctx context.Context) *Handshake {
	h, _ := ctx.Value(handshakeKey{}).(*Handshake)
	return h
}
