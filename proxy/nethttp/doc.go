// Package nethttp is the first wire engine of package proxy: the exchange on
// top of the servers and the transport of net/http, which speak HTTP/1.1,
// HTTP/2 over TLS and HTTP/2 with prior knowledge.
//
// A Server turns the requests of one listener into exchanges, and an Endpoint
// is the exchange.Handler that sends them to one address of a backend. It is
// the only package of the proxy that imports net/http; nothing outside it
// knows that net/http is there, so that an engine of our own can take its
// place.
//
// What net/http decides before anybody is asked: how bytes are parsed (its 400
// answers reach no handler and no access log), the order of fields of
// different names, which is sorted here, that the trailers of an HTTP/2 request
// have to be announced, and that nobody learns of an HTTP/2 client that waits
// for 100.
package nethttp
