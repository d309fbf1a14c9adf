// Package kubetest is what the tests of several rooms of kube need: a present,
// Secrets with certificates, a big cluster.
package kubetest
