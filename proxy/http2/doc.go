// Package http2 is the HTTP/2 wire engine (RFC 9113), server and client side,
// behind the neutral exchange.
//
// A Server reads requests from a client's connection and gives each to a
// handler; a Client is such a handler, which sends the request to one endpoint,
// many at a time over one connection, and answers with what comes back.
//
// Each connection has one goroutine that reads, and no other while it is idle.
// A stream of the server is handled by a worker from a pool. A goroutine that
// sends appends its frames to the connection's output under its lock, and the
// first one to flush writes those of all others as well.
//
// To read it from a listener to a backend and back: conn.go (a client's
// connection) and request.go (one of its streams); block.go (fields); response.go
// (answering). Then the other side: client.go (the pool), endpoint.go (a
// connection of it), forward.go (a request to an endpoint and back), upload.go.
// Below both stand link.go, receive.go and stream.go: the connection and its
// frames, and a stream with its flow control; queue.go, what came on a stream;
// output.go, the coalescing writer; and frame.go and encode.go, the octets.
//
// Rules for messages are those of package wire. Of golang.org/x/net the package
// takes the HPACK decoder, and not the Framer: DATA goes from the connection's
// buffer into the stream's without another copy between, and no frame costs an
// allocation. Fields are sent without the dynamic table of HPACK: what several
// clients send shares no compression state on the way to an endpoint (RFC 7541
// §7.1), idle connections hold no table, and no string is kept that a message
// only lent.
package http2
