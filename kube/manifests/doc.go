// Package manifests reads a folder, files or a stream of Kubernetes manifests, and
// watches the folder. It gives objects what an API server would: UIDs, versions
// and ages, by the place where they stand.
//
// It must not know what objects ask for.
package manifests
