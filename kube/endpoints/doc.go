// Package endpoints is what Services and EndpointSlices say of where requests go:
// which port is meant and what is spoken at it, and which addresses answer.
//
//	port.go      the port of a Service, and its protocol
//	slices.go    the addresses of EndpointSlices, or that of the Service itself
//	topology.go  those that are meant for the gateway's zone
//
// It must not know which routes lead there, nor what the gateway keeps clients from:
// that is in package compile.
package endpoints
