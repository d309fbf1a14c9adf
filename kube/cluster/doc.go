// Package cluster is the connection to a Kubernetes API server. Its parts are a Watch,
// which is a Source; the Election and the Leases of the Replicas; and a Store for what
// replicas share. A failure of the connection is reported once.
//
// It must not depend on what is served; package report writes that to the cluster.
package cluster
