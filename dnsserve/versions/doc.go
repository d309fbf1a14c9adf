// Package versions maintains the serials of each zone in each view, so that all
// replicas of a gateway publish the same: equal serials mean equal content, and no
// serial goes back, whatever restarts or is lost.
//
// Every replica reports to its Zones what was built (Built), and follows the versions
// in the Store (Follow). Only the leader makes versions (Lead): version.go chooses
// serials and computes the steps between versions, record.go stores both. A replica
// publishes a version that it has read once it can prove its content (prove.go), and
// its last one until then. Without a Store each change makes a version at once, for
// this process alone.
//
// The package uses the zones of the Snapshot. It must not depend on DNS messages.
package versions
