// Package claims decides which namespace owns which name, for every kind of object. The
// decision applies to route, certificate and record alike.
//
//	claimants.go   who asks: what the source has, and what a Guard withholds
//	bounds.go      how much of it counts
//	claimed.go     the claims to each name, the oldest first
//	claims.go      the one rule; domains.go and guests.go what it asks
//	ruling.go      what was decided; incumbents.go who had the names before
//	grants.go      a grant for each name, with the routes and records that it may have
//	lead.go        where a name leads; entries.go what other records it has
//
// It must not depend on what a route leads to, or what a zone publishes.
package claims
