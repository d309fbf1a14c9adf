// Package proxy is the HTTP side of the gateway: it asks the Snapshot which
// Route a request takes, applies the route's Policy and passes the request on
// to an endpoint of the Backend.
//
// handler.go is the page to read. What it names stands each in a file of its
// own: the table compiled from the Snapshot (match.go), canonical paths and
// hosts, one file for each policy, and the way to the endpoint (forward.go,
// retry.go, balance.go, upstream.go). All of it works on the exchange of
// package exchange; package nethttp, the wire engine, stands behind it.
package proxy
