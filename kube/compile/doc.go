// Package compile turns Objects into the one Snapshot that is served. Build is
// the page to read: a pure function with a memo, whose steps are a file each.
//
//	resolve.go   what an Ingress asks for together with the Secrets that it names
//	domains.go   which names a namespace may have at all
//	claimed.go   the claims to each name; claims.go who gets it; ruling.go, guests.go, incumbents.go its parts
//	grants.go    decides anew about the names of which something changed
//	lead.go      where a name leads; entries.go what other records it has
//	hosts.go     routes and certificates; host.go makes those of one name
//	backend.go   what is behind a Service port; endpoint.go and external.go find it
//	zones.go     the records; zone.go makes those of one zone in one view
//	issuing.go   which certificates are to be ordered; stored.go what was
//	claimants.go what a Guard adds
//
// It does no I/O, looks at no clock and depends on no map's order. It must not
// know where objects come from, nor what was served before.
package compile
