// Package doctor asks the servers of the zone above what they say of our zones, and
// compares it with what is served: without a delegation that is right, no resolver
// finds this gateway, and nothing in it knows.
//
// The leader asks now and then, a few bounded queries for each zone, and tells the
// other replicas through the Store. It is the one part of the gateway that sends
// DNS queries to others, and it is off unless resolvers are configured.
package doctor
