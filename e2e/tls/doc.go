// Package tls holds tests of the gateway's TLS with other people's programs:
// testssl.sh scans it, and an nginx beside it for comparison. They need Debian
// packages and run by "make e2e".
package tls
