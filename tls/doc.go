// Package tls answers one question: which certificate is shown to a client that
// asks for a name. It also orders certificates, but knows nothing of Kubernetes
// or HTTP.
//
// Server compiles every Snapshot into a table of certificates by name and gives
// the listeners a crypto/tls configuration that consults the table in each
// handshake. So the next client sees a replaced certificate, while open
// connections stay as they are. A host without a certificate gets a self-signed
// one, so that a client that goes on is told what is wrong.
//
// Issuer orders and renews certificates from an ACME CA; its work for one name
// runs through the issuer_*.go files. Authority is a throw-away CA for
// demonstrations and tests.
package tls
