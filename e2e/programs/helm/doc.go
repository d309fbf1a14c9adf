// Package helm is empty: its go.mod pins helm, which the end-to-end tests build
// from it, apart from the versions that any other module needs.
package helm
