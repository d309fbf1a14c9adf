package gatelodge

import "context"

// Handshake is what package tls decided for one TLS connection, for the server that
// uses it, and what it had to know for that: siblings don't import each other, so it
// is passed in the context of the handshake. It is filled in for resumed sessions, too.
type Handshake struct {
	View string // what the client is served: see Snapshot.ViewFor; set before

	Certificates []*Certificate // what may be shown for the name asked for; empty for a self-signed one

	// ClientTrust is the key of the ClientTrust under which the client was asked for
	// a certificate, or "" if it was not asked; Client is the certificate that it
	// showed, or nil.
	ClientTrust string
	Client      *ClientCertificate
}

// Covers reports whether a certificate of the handshake is for host, so that the
// client may ask for it on the same connection (RFC 9110 §7.4).
func (h *Handshake) Covers(host Name) bool {
	for _, c := range h.Certificates {
		if c.Covers(host) {
			return true
		}
	}
	return false
}

type handshakeKey struct{}

// WithHandshake returns a context for a TLS handshake whose outcome goes into h.
func WithHandshake(ctx context.Context, h *Handshake) context.Context {
	return context.WithValue(ctx, handshakeKey{}, h)
}

// HandshakeOf returns what WithHandshake put into ctx, or nil.
func HandshakeOf(ctx context.Context) *Handshake {
	h, _ := ctx.Value(handshakeKey{}).(*Handshake)
	return h
}
