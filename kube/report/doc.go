// Package report tells the cluster what is served: the status of each Ingress, and
// Events. Only the leader runs it, and it only ever tells what a live Snapshot
// holds.
package report
