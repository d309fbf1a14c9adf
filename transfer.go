package gatelodge

import (
	"bytes"
	"net/netip"
)

// Transfer says who may have copies of a zone by transfer (RFC 5936, RFC 1995), as it
// is in some views.
type Transfer struct {
	Zone       Name
	Views      []string         // of the zone that it is about
	Keys       []*TransferKey   // a client has to sign with one of them; without any, nobody gets a copy
	Networks   []netip.Prefix   // a client has to come from one of them; empty: from anywhere
	Notify     []netip.AddrPort // who is told of a new version (RFC 1996), signed with the first key
	RequireTLS bool             // copies are for clients over TLS only (RFC 9103)
}

// TransferKey is a key for signatures of messages (RFC 8945).
type TransferKey struct {
	Name      Name
	Algorithm string // hmac-sha256, hmac-sha384 or hmac-sha512
	Secret    []byte
}

// TransferAlgorithms are those that a TransferKey may have.
var TransferAlgorithms = []string{"hmac-sha256", "hmac-sha384", "hmac-sha512"}

// Same reports whether both are the same key.
func (k *TransferKey) Same(other *TransferKey) bool {
	return k.Name == other.Name && k.Algorithm == other.Algorithm && bytes.Equal(k.Secret, other.Secret)
}

// String keeps the secret out of logs.
func (k *TransferKey) String() string { return string(k.Name) + " (secret)" }

// GoString keeps it out, too.
func (k *TransferKey) GoString() string { return k.String() }
