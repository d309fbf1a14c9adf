// Package proxy is the HTTP side of the gateway: it finds a request's Route in
// the Snapshot, applies the route's Policy and forwards the request to an
// endpoint of the Backend. It knows nothing of Kubernetes or of HTTP on the wire.
//
// Start with handler.go. The parts it calls have their own files: the table
// compiled from the Snapshot (match.go), canonical hosts, one file for each policy,
// and forwarding to an endpoint (forward.go, retry.go, balance.go, upstream.go).
// All of them work on the Exchange of package exchange. The wire engines, http1 and
// http2, are on both sides: listener.go hands a client's connection to the engine
// of its protocol, and upstream.go does the same for an endpoint's. Package tracing
// makes the spans of requests.
package proxy
