// Package metallb is empty: its go.mod pins MetalLB, which the end-to-end tests
// build from it, apart from the versions that any other module needs, and of
// which they apply the manifest.
package metallb
