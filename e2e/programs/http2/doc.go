// Package http2 is empty: its go.mod pins h2spec, which checks HTTP/2 servers,
// and the interoperability client and server of gRPC, apart from the versions
// that any other module needs.
package http2
