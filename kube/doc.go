// Package kube is Kubernetes, and nothing else in Gatelodge knows it: it reads
// objects from a Source and compiles them into the one Snapshot that is served.
//
// A Source (a folder of manifests, or an API server) hands over Objects; Follow
// decides when they are looked at again; Builder.Build turns them into a
// gatelodge.Snapshot. Build is the page to read: each of its steps is a file of
// its own.
//
//	ingress.go   what an Ingress asks for, read from that object alone
//	class.go     which Ingresses are ours
//	claims.go    who gets a name
//	resolve.go   the Secrets that an Ingress needs
//	hosts.go     routes and certificates of a name
//	backend.go   the endpoints behind a Service port
//	zones.go     the records of every zone and view
package kube
