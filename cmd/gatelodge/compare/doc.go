// Package compare sends the same requests to two servers and reports how their answers
// differ: in status, redirect target, fields, and optionally bodies. It is for
// operators who move hosts from one gateway to another. It connects to the two given
// addresses, with the hosts in requests and handshakes, and does not look up names in
// DNS.
//
// It must not depend on the kind of either server.
package compare
