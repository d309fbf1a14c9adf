// Package certmanager is empty: its go.mod pins cert-manager, from which the
// program in the folder controller is built, apart from the versions that any
// other module needs, and of which the end-to-end tests apply the CRDs.
package certmanager
