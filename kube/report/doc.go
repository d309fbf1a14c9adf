// Package report writes to the cluster what is served: the status of each Ingress, and
// Events. Only the leader runs it, and it reports only what a live Snapshot contains.
package report
