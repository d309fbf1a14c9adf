// Package explain describes what happens to the requests for a URL, from the delegation
// of its zone to the endpoint that answers, and where it stops working.
//
// It uses the Snapshot with its Problems, and further information through small
// interfaces, each of which may be nil, as offline. It sends nothing over a network,
// and decides nothing: the proxy says which route a path has, and the DNS server what a
// name resolves to. The same Document is written as text and as JSON, for the command
// and for the admin endpoint.
package explain
