package main

// row is one thing that is measured.
type row struct {
	name  string
	about string
	unit  string

	tls      bool
	streams  int    // requests at a time on each connection over HTTP/2; 0: HTTP/1.1
	grpc     bool   // a call of gRPC, to a backend that speaks HTTP/2
	host     string // "": that of the ordinary backend
	method   string
	path     string
	body     int  // bytes of the request's body
	answer   int  // bytes of the answer's body
	clients  int  // connections at a time
	each     bool // a connection for each request
	resume   bool // of TLS sessions
	gzip     bool // the answer is compressed by the proxy
	tls12    bool // instead of TLS 1.3
	idle     int  // connections that are kept after ten requests each, whose memory is measured; 0: CPU time is
	requests int  // on each idle connection
}

const (
	small = 98 // bytes of the backend's usual answer
	mega  = 1 << 20
	// bytes of the answer that is compressed
	jsonBytes = 20 << 10
	micros    = "µs CPU per request"
	kibis     = "KiB RSS per connection"
)

// rows are all that is measured. TLS has an X25519 key exchange and an ECDSA
// P-256 certificate everywhere: that is the most that all peers have in common.
var rows = []row{
	{name: "h1", about: "GET, kept connections", unit: micros, method: "GET", path: "/", answer: small, clients: 64},
	{name: "h1tls", about: "GET, kept connections, TLS", unit: micros, tls: true, method: "GET", path: "/", answer: small, clients: 64},
	{name: "new", about: "a connection per GET", unit: micros, method: "GET", path: "/", answer: small, clients: 64, each: true},
	{name: "resumed", about: "a resumed TLS 1.3 session per GET", unit: micros, tls: true, method: "GET", path: "/", answer: small, clients: 16, each: true, resume: true},
	{name: "full", about: "a full TLS 1.3 handshake per GET", unit: micros, tls: true, method: "GET", path: "/", answer: small, clients: 16, each: true},
	{name: "resumed2", about: "a resumed TLS 1.2 session per GET", unit: micros, tls: true, method: "GET", path: "/", answer: small, clients: 16, each: true, resume: true, tls12: true},
	{name: "full2", about: "a full TLS 1.2 handshake per GET", unit: micros, tls: true, method: "GET", path: "/", answer: small, clients: 16, each: true, tls12: true},
	{name: "post1k", about: "POST of 1 KiB", unit: micros, method: "POST", path: "/", body: 1 << 10, answer: small, clients: 64},
	{name: "gzip", about: "GET of 20 KiB of JSON, which the proxy compresses, gzip level 1", unit: micros, method: "GET", path: "/json", answer: jsonBytes, clients: 16, gzip: true},
	{name: "down1m", about: "GET of 1 MiB", unit: micros, method: "GET", path: "/1m", answer: mega, clients: 16},
	{name: "up1m", about: "POST of 1 MiB", unit: micros, method: "POST", path: "/up", body: mega, answer: small, clients: 16},
	{name: "h2", about: "GET over HTTP/2 and TLS, 8 at a time on each of 16 connections", unit: micros, tls: true, streams: 8, method: "GET", path: "/", answer: small, clients: 16},
	{name: "h2one", about: "the same, one at a time on each of 64", unit: micros, tls: true, streams: 1, method: "GET", path: "/", answer: small, clients: 64},
	{name: "h2down1m", about: "GET of 1 MiB over HTTP/2 and TLS", unit: micros, tls: true, streams: 1, method: "GET", path: "/1m", answer: mega, clients: 16},
	{name: "h2up1m", about: "POST of 1 MiB over HTTP/2 and TLS", unit: micros, tls: true, streams: 1, method: "POST", path: "/up", body: mega, answer: small, clients: 16},
	{name: "grpc", about: "unary gRPC calls of 100 bytes, HTTP/2 on both sides", unit: micros, tls: true, streams: 8, grpc: true, host: grpcHost, method: "POST", path: "/echo.Echo/Call", body: 105, answer: 105, clients: 16},
	{name: "grpcone", about: "the same, one at a time on each of 64", unit: micros, tls: true, streams: 1, grpc: true, host: grpcHost, method: "POST", path: "/echo.Echo/Call", body: 105, answer: 105, clients: 64},
	{name: "idle", about: "10,000 idle connections", unit: kibis, method: "GET", path: "/", answer: small, idle: 10_000, requests: 10},
	{name: "idletls", about: "10,000 idle TLS connections", unit: kibis, tls: true, method: "GET", path: "/", answer: small, idle: 10_000, requests: 10},
	{name: "idle2", about: "2,000 idle connections over HTTP/2 and TLS", unit: kibis, tls: true, streams: 1, method: "GET", path: "/", answer: small, idle: 2_000, requests: 10},
}
