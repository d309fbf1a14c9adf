// Package cluster is the connection to a Kubernetes API server. Its parts are a
// Watch, which is a Source; the Election and the Leases of the Replicas; and a
// Store for what replicas share. What goes wrong on the connection is told once.
//
// It must not know what is served; package report tells the cluster of that.
package cluster
