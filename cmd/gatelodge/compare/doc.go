// Package compare sends the same requests to two servers and says in what their
// answers differ: their status, where they redirect to, their fields, and their
// bodies if asked to. It is for an operator who moves hosts from one gateway to
// another, so it names the hosts in requests and handshakes but connects to the
// two addresses that it is given, and looks nothing up in the DNS.
//
// It must not know what either server is.
package compare
