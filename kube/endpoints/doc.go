// Package endpoints reads Services and EndpointSlices: which port is meant and its
// protocol, and which addresses answer.
//
//	port.go      the port of a Service, and its protocol
//	slices.go    the addresses of EndpointSlices, or that of the Service itself
//	topology.go  those that are meant for the gateway's zone
//
// It must not depend on which routes lead there, or on where the gateway may send
// traffic: that is in package compile.
package endpoints
