// Package guard wraps Build and withholds withdrawals that look like an accident.
//
//	guard.go       what it compares, and when it holds
//	hold.go        what is served meanwhile, and how that ends
//	window.go      how many hosts went
//	departures.go  the names that objects gave up; deleted.go what they need
//	record.go      what the replicas and a next start are told
//
// It knows what was served before, which Build does not. It must not decide which
// namespace gets a name: what is withheld passes the claim rule like everything else.
package guard
