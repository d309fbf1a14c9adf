package gatelodge

import (
	"bytes"
	"net/netip"
)

// Transfer says who may transfer a zone (AXFR, RFC 5936; IXFR, RFC 1995), as it is
// in some views.
type Transfer struct {
	Zone       Name
	Views      []string         // the views of the zone that this applies to
	Keys       []*TransferKey   // a client must sign with one of them; empty: every transfer is refused
	Networks   []netip.Prefix   // a client's address must be in one of them; empty: any address
	Notify     []netip.AddrPort // servers notified of a new version (RFC 1996), signed with the first key
	RequireTLS bool             // allow transfers over TLS only (RFC 9103)
}

// TransferKey is a TSIG key (RFC 8945).
type TransferKey struct {
	Name      Name
	Algorithm string // hmac-sha256, hmac-sha384 or hmac-sha512
	Secret    []byte
}

// TransferAlgorithms are the algorithms that a TransferKey can have.
var TransferAlgorithms = []string{"hmac-sha256", "hmac-sha384", "hmac-sha512"}

// Same reports whether both are the same key.
func (k *TransferKey) Same(other *TransferKey) bool {
	return k.Name == other.Name && k.Algorithm == other.Algorithm && bytes.Equal(k.Secret, other.Secret)
}

// String keeps the secret out of logs.
func (k *TransferKey) String() string { return string(k.Name) + " (secret)" }

// GoString keeps the secret out of logs.
func (k *TransferKey) GoString() string { return k.String() }
