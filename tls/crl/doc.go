// Package crl asks CAs which certificates they have revoked, by their CRLs (RFC 5280
// §5).
//
//	source.go   where the CRL of a certificate is, and what may be asked
//	fetch.go    fetching one
//	list.go     what it says
//
// It must not know which certificates are served, or what follows from a revocation.
package crl
