// Package acme is empty: its go.mod pins Pebble, the ACME CA for tests, apart
// from the versions that any other module needs.
package acme
