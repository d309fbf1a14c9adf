// Package manifests reads a folder, files or a stream of Kubernetes manifests, and
// watches the folder. It gives objects what an API server would: UIDs, versions and
// ages, by their places in files.
//
// It must not depend on what objects ask for.
package manifests
