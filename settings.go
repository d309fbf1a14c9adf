package gatelodge

import (
	"net/netip"
	"time"
)

// Settings are the parts of the configuration that apply to requests and queries.
// They are part of the Snapshot, so a changed configuration takes effect in one
// step, like everything else.
type Settings struct {
	Timeouts   Timeouts
	Limits     Limits
	Retries    Retries
	Balancing  Balancing
	Ejection   Ejection
	Trust      Trust
	AccessLog  AccessLog
	Tracing    Tracing
	ServerName string // the Server field of responses whose backend set none; "": none
	// AmbiguousPaths accepts requests whose path, as other software might read it,
	// leads to a route with different protections.
	AmbiguousPaths bool
	RedirectHTTPS  bool   // the meaning of RedirectAuto; false: no redirect
	HSTS           string // the Strict-Transport-Security field of hosts with a certificate; "": none
	Compression    CompressionLevels
	Buffers        Buffers
	Drain          Drain
	TLS            TLSSettings
	DNS            DNSSettings
}

// Trust lists the peers whose statements about the client's address are believed.
type Trust struct {
	Forwarded     []netip.Prefix // peers that may send X-Forwarded-For and related fields
	ProxyProtocol []netip.Prefix // peers that may send a PROXY protocol header
}

// Timeouts bound how long a peer may take without making progress.
type Timeouts struct {
	Header  time.Duration // to receive a request's header section
	Body    time.Duration // between two reads of a request's body
	Idle    time.Duration // for the next request on a kept-alive connection
	Connect time.Duration // to connect to an endpoint
	Read    time.Duration // between two reads of an endpoint's response
	Send    time.Duration // between two writes to a client or endpoint
}

// Limits bound what a client may send. Zero means unlimited only where a field's
// comment says so.
type Limits struct {
	HeaderBytes int   // of a request's header section
	Headers     int   // fields in a header section
	BodyBytes   int64 // of a request's body; 0: unlimited
	Connections int   // open connections of a listener; 0: unlimited
	Streams     int   // concurrent HTTP/2 streams of a connection
}

// Retries bound the attempts made for one request.
type Retries struct {
	Attempts int     // including the first
	Budget   float64 // maximum share of retries among all requests
}

// AccessLog says which requests are logged.
type AccessLog struct {
	Enabled bool
	Sample  float64 // share of requests that are logged, 0 to 1
}

// Drain is the sequence of steps in which the gateway shuts down.
type Drain struct {
	DNS     time.Duration // first step, if DNS names an address that goes away with this replica: stop naming it and fail readiness, but serve as before
	Delay   time.Duration // fail readiness, but serve as before
	Timeout time.Duration // how long requests in progress may take to finish
	Tunnels time.Duration // how long WebSockets and other tunnels may take to finish
}

// DNSSettings apply to every DNS and DoT listener.
type DNSSettings struct {
	NSID        bool    // tell clients that ask which replica answers (RFC 5001)
	RateLimit   int     // responses per second to one client network; 0: unlimited
	QuerySample float64 // share of queries that are logged, 0 to 1
}

// TLSSettings apply to every HTTPS and DoT listener.
type TLSSettings struct {
	MinVersion uint16 // tls.VersionTLS12 or tls.VersionTLS13

	Revocation         RevocationCheck
	RevocationNetworks []netip.Prefix // networks from which CRLs may be fetched, in addition to public addresses
}

// RevocationCheck says for which certificates the gateway fetches revocations.
type RevocationCheck uint8

// The values of tls.revocation.
const (
	RevocationOff    RevocationCheck = iota
	RevocationIssued                 // certificates that the gateway ordered
	RevocationAll                    // also certificates in Secrets that chain to a root
)
