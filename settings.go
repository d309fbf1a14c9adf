package gatelodge

import (
	"net/netip"
	"time"
)

// Settings are the parts of the configuration that apply to requests and queries.
// They are in the Snapshot, so that a changed configuration takes effect in one
// step like everything else.
type Settings struct {
	Timeouts   Timeouts
	Limits     Limits
	Retries    Retries
	Balancing  Balancing
	Ejection   Ejection
	Trust      Trust
	AccessLog  AccessLog
	Tracing    Tracing
	ServerName string // the Server field of answers whose backend set none; "" for none
	// AmbiguousPaths lets requests pass whose path, read as other software may
	// read it, leads to a route with other protections.
	AmbiguousPaths bool
	RedirectHTTPS  bool   // what Policy.Redirect RedirectAuto means: false turns it off
	HSTS           string // the Strict-Transport-Security field of hosts with a certificate; "" for none
	Compression    CompressionLevels
	Buffers        Buffers
	Drain          Drain
	TLS            TLSSettings
	DNS            DNSSettings
}

// Trust lists the peers that are believed when they say who the client is.
type Trust struct {
	Forwarded     []netip.Prefix // by X-Forwarded-For and related fields
	ProxyProtocol []netip.Prefix // by the PROXY protocol
}

// Timeouts bound how long a peer may go without progress.
type Timeouts struct {
	Header  time.Duration // a client sends a request's head
	Body    time.Duration // between two reads of a client's body
	Idle    time.Duration // a kept-alive connection waits for a request
	Connect time.Duration // a connection to an endpoint is made
	Read    time.Duration // between two reads of an endpoint's answer
	Send    time.Duration // between two writes to a client or an endpoint
}

// Limits bound what a client can send. Zero means no limit where a comment
// says so.
type Limits struct {
	HeaderBytes int   // of a request's head
	Headers     int   // fields in a head
	BodyBytes   int64 // of a request's body; 0: no limit
	Connections int   // open at a time on a listener; 0: no limit
	Streams     int   // concurrent HTTP/2 streams on a connection
}

// Retries bound the attempts made for one request.
type Retries struct {
	Attempts int     // including the first
	Budget   float64 // retries as a share of requests
}

// AccessLog says which requests are logged.
type AccessLog struct {
	Enabled bool
	Sample  float64 // the share of requests that is logged, from 0 to 1
}

// Drain says how the gateway shuts down.
type Drain struct {
	DNS     time.Duration // first, if answers name an address that goes with this replica: not ready, no longer named, but serving as before
	Delay   time.Duration // not ready, but serving as before
	Timeout time.Duration // for requests in progress
	Tunnels time.Duration // for WebSockets and other tunnels
}

// DNSSettings hold for every DNS and DoT listener.
type DNSSettings struct {
	NSID        bool    // clients that ask are told which replica answers (RFC 5001)
	RateLimit   int     // responses a second to one client network; 0: no limit
	QuerySample float64 // the share of queries that is logged, from 0 to 1
}

// TLSSettings hold for every HTTPS and DoT listener.
type TLSSettings struct {
	MinVersion uint16 // tls.VersionTLS12 or tls.VersionTLS13

	Revocation         RevocationCheck
	RevocationNetworks []netip.Prefix // from which CRLs may be fetched beside public addresses
}

// RevocationCheck says of which certificates the CAs are asked whether they were
// revoked.
type RevocationCheck uint8

// The values of tls.revocation.
const (
	RevocationOff    RevocationCheck = iota
	RevocationIssued                 // those that the gateway ordered
	RevocationAll                    // and those of Secrets that lead to a root
)
