// Package compile turns Objects into the one Snapshot that is served. Build is
// the page to read: a pure function with a memo, whose steps are a file each.
//
//	resolve.go   what an object asks for together with the Secrets that it names
//	hosts.go     routes and certificates; host.go makes those of one name
//	backend.go   what is behind a Service port; package endpoints and external.go find it
//	issuing.go   which certificates are to be ordered; package stored has what was
//	build.go     all steps, those of packages claims and publish among them
//
// It does no I/O, reads no clock and depends on no map's order. It must not depend on
// where objects come from, or on what was served before.
package compile
