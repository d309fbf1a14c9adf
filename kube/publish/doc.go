// Package publish is what the zones say in each view: the records of the granted
// names, of the configuration, and of the challenges of ACME CAs.
//
//	zones.go      the views and zones; zoneplan.go what the configuration says of each
//	view.go       one view; zone.go one zone in it; zonenames.go one name
//	tenants.go    which namespaces have names at and below a name
//	aliases.go    where aliases lead; verdict.go names that get no records
//	owner.go      who has a name, and whom to ask
//	transfers.go who may have copies of the zones
//	announce.go   the gateway's own addresses; secured.go HTTPS records; challenge.go proofs
//
// It must not decide who has a name: that is in package claims.
package publish
