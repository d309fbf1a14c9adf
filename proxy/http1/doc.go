// Package http1 is the HTTP/1.1 wire engine (RFC 9112), server and client side,
// behind package exchange. It knows nothing of routes and policies.
//
// A Server reads requests from a client's connection and gives each to a handler;
// a Client is such a handler, which sends the request to one endpoint and writes
// its response. Both block, and one goroutine handles the client's connection and
// the endpoint's; a second one runs only while a request body is sent and while a
// tunnel is open.
//
// To follow a request to a backend and back, read conn.go (the loop over the
// requests of a connection) and request.go (one of them); section.go, head.go,
// parse.go and target.go (heads); body.go and chunk.go (bodies); response.go. Then
// the client side: client.go (the pool), forward.go (a request to an endpoint and
// its response), forward_request.go, forward_response.go, upload.go, tunnel.go.
// Both sides use bufconn.go and output.go, the connection with its buffers and
// deadlines.
//
// Parsing is strict, in the same way for requests and responses: anything that two
// readers could understand differently is refused, never repaired. A waiting
// connection holds no buffer: on TCP one is taken when there is something to read,
// and returned when all of it was used.
package http1
