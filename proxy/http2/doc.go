// Package http2 is the HTTP/2 wire engine (RFC 9113), server and client side,
// behind the neutral exchange.
//
// A Server reads requests from a client's connection and passes each to a handler. A
// Client is such a handler: it sends the request to one endpoint, many at a time over
// one connection, and answers with the endpoint's response.
//
// Each connection has one goroutine that reads, and no other while it is idle. A worker
// from a pool handles a stream of the server. A goroutine that sends appends its frames
// to the connection's output under its lock, and the first one to flush writes the
// frames of all.
//
// Reading order, from a listener to a backend and back: conn.go (a client's connection)
// and request.go (one of its streams); block.go (fields); response.go (answers). Then
// the other side: client.go (the pool), endpoint.go (one of its connections),
// forward.go (a request to an endpoint and back), upload.go. Below both are link.go,
// receive.go and stream.go: the connection and its frames, and a stream with its flow
// control; queue.go, the received bytes of a stream; output.go, the coalescing writer;
// and frame.go and encode.go, the encoding.
//
// The rules for messages are in package wire. Of golang.org/x/net the package uses the
// HPACK decoder, but not the Framer: DATA is copied directly from the connection's
// buffer to the stream's, and no frame costs an allocation. Fields are sent without the
// dynamic table of HPACK: requests of different clients share no compression state on
// the way to an endpoint (RFC 7541 §7.1), idle connections have no table, and no
// borrowed string is kept.
package http2
