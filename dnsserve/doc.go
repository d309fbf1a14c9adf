// Package dnsserve is the authoritative DNS server. It answers from zones that
// are compiled out of each Snapshot, over UDP, TCP and TLS.
//
// A query's way: server.go receives it, handler.go reads it and decides what
// is answered at all, lookup.go finds the answer in the zone tree of tree.go,
// and write.go puts it on the wire. There is one such way for every transport:
// records are kept in wire form from the moment a Snapshot is compiled
// (compile.go), so an answer is copied together and nothing is built for it.
// github.com/miekg/dns reads and prints the text form of records.
package dnsserve
