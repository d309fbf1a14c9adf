// Package http1 is the HTTP/1.1 wire engine (RFC 9112), server and client
// side, behind the neutral exchange.
//
// A Server reads requests from a client's connection and gives each to a
// handler; a Client is such a handler, which sends the request to one endpoint
// and answers with what comes back. Both block, and one goroutine drives the
// client's connection and the endpoint's; a second one runs only while a
// request body is sent and while a tunnel is open.
//
// To read it from a listener to a backend and back: conn.go (the loop over the
// requests of a connection) and request.go (one of them); section.go, head.go,
// parse.go and target.go (heads); body.go and chunk.go (bodies); response.go
// (answering). Then the other side: client.go (the pool), forward.go (a request
// to an endpoint and back), upload.go, tunnel.go. Below both stand stream.go
// and output.go, the connection with its buffers and deadlines.
//
// Parsing is strict, the same for requests and responses: what two readers
// could understand differently is refused, never repaired. Whoever waits holds
// no buffer: on a TCP connection one is taken when there is something to read,
// and given back when all of it is used up.
package http1
