// Package dnsserve is the authoritative DNS server. It answers from zones that
// are compiled from each Snapshot, over UDP, TCP and TLS.
//
// The path of a query: udp.go or tcp.go receives it, handler.go parses it and decides
// how to answer, lookup.go finds the answer in the zone tree of tree.go, and write.go
// writes it. The path is the same for every transport. Records are converted to wire
// form when a Snapshot is compiled (compile.go), so an answer only copies them.
// github.com/miekg/dns parses and prints the text form of records.
package dnsserve
