// Package explain says what happens to the requests for a URL, from the delegation
// of its zone to the endpoint that answers, and where it stops working.
//
// It knows the Snapshot, its Problems, and what the rooms know beside it, which it
// asks through small interfaces; each may be nil where nothing of that kind runs,
// as offline. It asks nothing over a network, and decides nothing: which route a
// path has is the proxy's answer, and what a name resolves to the DNS server's.
// The same Document is written as text and as JSON, for the command and for the
// admin endpoint.
package explain
