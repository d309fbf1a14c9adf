// Package tls answers one question of the gateway: which certificate is shown
// to a client that asks for a name.
//
// Server compiles every Snapshot into a table of certificates by name and
// hands the listeners a crypto/tls configuration that asks the table in each
// handshake. A replaced certificate is therefore shown to the next client,
// while connections that are open stay as they are. A host without a
// certificate gets one that the gateway makes itself, so that its requests
// arrive and can be answered with what is wrong.
//
// Authority is a throw-away CA for demonstrations and tests.
package tls
