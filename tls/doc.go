// Package tls answers one question: which certificate is shown to a client that
// asks for a name.
//
// Server compiles every Snapshot into a table of certificates by name and gives
// the listeners a crypto/tls configuration that consults the table in each
// handshake. So the next client sees a replaced certificate, while open
// connections stay as they are. A host without a certificate gets a self-signed
// one, so that a client that goes on is told what is wrong.
//
// Authority is a throw-away CA for demonstrations and tests.
//
// It must not know where certificates come from: package issuer orders them, and
// package kube reads them from Secrets.
package tls
