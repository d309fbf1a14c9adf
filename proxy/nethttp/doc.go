// Package nethttp is the HTTP/2 engine of package proxy: the exchange on top of
// the server and the transport of net/http.
//
// A Server turns the requests on the connections that it is given into
// exchanges, and an Endpoint is the exchange.Handler that sends them to one
// address of a backend. It is the only package of the proxy that imports
// net/http; nothing outside it knows that net/http is there, so that an engine
// of our own can take its place.
//
// What net/http decides before anybody is asked: how bytes are parsed (what it
// refuses reaches no handler and no access log), the order of fields of
// different names, which is sorted here, that the trailers of a request have to
// be announced, that there is no extended CONNECT (RFC 8441), and that nobody
// learns of a client that waits for 100.
package nethttp
