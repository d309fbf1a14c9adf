package gatelodge

import "slices"

// Protocol is the protocol of a Listener.
type Protocol string

// The protocols, as written in the configuration file.
const (
	HTTP  Protocol = "HTTP"  // HTTP/1.1, and HTTP/2 with prior knowledge, in clear text
	HTTPS Protocol = "HTTPS" // HTTP/1.1 and HTTP/2 over TLS
	DNS   Protocol = "DNS"   // DNS over UDP and TCP on one address
	DOT   Protocol = "DOT"   // DNS over TLS (RFC 7858)
)

// Listener is an address on which the gateway speaks one protocol.
type Listener struct {
	Name       string // unique; a metric label
	Protocol   Protocol
	Address    string   // host:port; an empty host means every address
	PublicPort uint16   // the port that clients connect to, and that redirects name
	Views      []string // what it serves: see Snapshot.ViewFor; empty: the content of all views
}

// Equal reports whether both are the same listener.
func (l Listener) Equal(other Listener) bool {
	return l.Name == other.Name && l.Protocol == other.Protocol && l.Address == other.Address &&
		l.PublicPort == other.PublicPort && slices.Equal(l.Views, other.Views)
}
