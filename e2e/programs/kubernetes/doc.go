// Package kubernetes is empty: its go.mod pins etcd and the programs of
// Kubernetes, which the end-to-end tests build from it, apart from the versions
// that any other module needs. To raise Kubernetes, raise k8s.io/kubernetes and
// every replace line with it, then run go mod tidy.
package kubernetes
