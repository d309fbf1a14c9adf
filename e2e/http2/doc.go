// Package http2 holds tests of HTTP/2 with other people's programs: h2spec, the
// interoperability client and server of gRPC, an nginx as endpoint, and a browser.
// They need Debian packages and run by "make e2e".
package http2
