// Package kube is Kubernetes, and nothing else in Gatelodge knows it: it reads
// objects from a Source and compiles them into the one Snapshot that is served.
//
// A Source (a folder of manifests, or an API server) hands over Objects; Follow
// decides when they are looked at again; Builder.Build turns them into a
// gatelodge.Snapshot. Build is the page to read: each of its steps is a file of
// its own.
//
//	class.go     which Ingresses are ours; parameters.go the defaults of their classes
//	ingress.go   what an Ingress asks for, read from that object alone
//	resolve.go   … together with the Secrets that it names
//	publish.go   which names Services ask for, that need records alone; dnsendpoint.go DNSEndpoints
//	domains.go   which names a namespace may have at all
//	claims.go    who gets a name; guests.go whom its owner lets in; grants.go applies it
//	lead.go      where a name leads; entries.go what other records it has
//	hosts.go     routes and certificates; host.go makes those of one name
//	backend.go   what is behind a Service port; endpoint.go and external.go find it
//	zones.go     the records; zone.go makes those of one zone in one view
//
// Guard stands around Build and withholds what looks like an accident:
//
//	guard.go             what it compares, and when it holds
//	guard_hold.go        what is served meanwhile, and how that ends
//	guard_window.go      how many hosts went
//	guard_departures.go  the names that objects gave up; guard_remains.go what they need
//	guard_join.go        how Build gets them
//	guard_record.go      what the replicas and a next start are told
//
// ExternalNames is a Source around another, which looks up what lies outside of
// it. Cluster is the connection to an API server. Its parts are a Watch, which is a
// Source; the Election and Replica Leases; the Reporter, by which the leader
// tells what is served; and a Store for what replicas share.
package kube
