// Package dns is empty: its go.mod pins CoreDNS, which the benchmark of DNS
// servers builds from it, apart from the versions that any other module needs.
package dns
