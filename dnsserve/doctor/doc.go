// Package doctor asks the servers of the parent zones about the gateway's zones, and
// compares the answers with what is served. Without a correct delegation no resolver
// finds the gateway, which the gateway can't see in its own data.
//
// The leader sends a few queries for each zone from time to time, and shares the
// results with the other replicas through the Store. This is the only part of the
// gateway that sends DNS queries to other servers, and it is off unless resolvers are
// configured.
package doctor
