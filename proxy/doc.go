// Package proxy is the HTTP side of the gateway: it finds a request's Route in
// the Snapshot, applies the route's Policy and forwards the request to an
// endpoint of the Backend. It knows nothing of Kubernetes or of HTTP on the wire.
//
// Start with handler.go. What it calls is in files of its own: the table compiled
// from the Snapshot (match.go), canonical hosts, one file for each policy, and
// the way to the endpoint (forward.go, retry.go, balance.go, upstream.go). All of
// it works on the Exchange of package exchange. The wire engines are on both
// sides of it: listener.go gives a client's connection to the engine of its
// protocol, and upstream.go an endpoint's. HTTP/1.1 is package http1, HTTP/2
// package http2. Spans of requests are package tracing.
package proxy
