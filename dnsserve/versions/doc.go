// Package versions keeps what each zone says in each view under a serial, so that
// all replicas of a gateway publish the same: equal serials mean equal content,
// and no serial goes back, whatever restarts or is lost.
//
// Every replica tells its Zones what was built, by Built, and follows the versions
// in the Store, by Follow. The leader alone makes them, by Lead: version.go says
// how serials are chosen and what leads from one version to the next, record.go
// how both are stored. A replica publishes a version that it read once it can
// prove what the version says (prove.go), and its last one until then. Without a
// Store each change makes a version at once, for this process alone.
//
// The package knows zones as the Snapshot has them. It must not know DNS messages.
package versions
