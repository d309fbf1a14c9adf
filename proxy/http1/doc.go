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
// requests of a connection), head.go and request.go (parsing), body.go and
// chunk.go (framing), response.go (answering), client.go and forward.go (the
// other side), tunnel.go. Below them stands stream.go, the connection with its
// buffers and deadlines.
//
// Parsing is strict, the same for requests and responses: what two readers
// could understand differently is refused, never repaired. Whoever waits holds
// no buffer: on a TCP connection one is taken when there is something to read,
// and given back when all of it is used up.
package http1
