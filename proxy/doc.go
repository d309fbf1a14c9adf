// Package proxy is the HTTP side of the gateway: it asks the Snapshot which
// Route a request takes, applies the route's Policy and passes the request on
// to an endpoint of the Backend.
//
// handler.go is the page to read. What it names stands each in a file of its
// own: the table compiled from the Snapshot (match.go), canonical paths and
// hosts, one file for each policy, and the way to the endpoint (forward.go,
// retry.go, balance.go, upstream.go). All of it works on the exchange of
// package exchange. The wire engines stand on both sides of it: listener.go
// gives a client's connection to the one of its protocol, and upstream.go an
// endpoint's. HTTP/1.1 is package http1, HTTP/2 package nethttp.
package proxy
