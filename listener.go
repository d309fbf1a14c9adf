package gatelodge

import "slices"

// Protocol is what a Listener speaks.
type Protocol string

// The protocols of the configuration file.
const (
	HTTP  Protocol = "HTTP"  // HTTP/1.1, and HTTP/2 with prior knowledge, in clear text
	HTTPS Protocol = "HTTPS" // HTTP/1.1 and HTTP/2 over TLS
	DNS   Protocol = "DNS"   // DNS over UDP and TCP on one address
	DOT   Protocol = "DOT"   // DNS over TLS (RFC 7858)
)

// Listener is a protocol on an address.
type Listener struct {
	Name       string   // unique among the listeners; a metric label
	Protocol   Protocol // what is spoken on it
	Address    string   // host:port to listen on; an empty host is every address
	PublicPort uint16   // the port that users see, which redirects name
	Views      []string // what is served on it: see Snapshot.ViewFor; empty: what all views have
}

// Equal reports whether both are the same listener.
func (l Listener) Equal(other Listener) bool {
	return l.Name == other.Name && l.Protocol == other.Protocol && l.Address == other.Address &&
		l.PublicPort == other.PublicPort && slices.Equal(l.Views, other.Views)
}
