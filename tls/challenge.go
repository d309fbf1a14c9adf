package tls

import (
	"crypto/tls"
	"slices"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
)

// proofs finds the certificates that prove names to ACME CAs by a handshake
// (RFC 8737); nil when no CA waits for one.
func proofs(list []gatelodge.Challenge) map[gatelodge.Name]*tls.Certificate {
	var found map[gatelodge.Name]*tls.Certificate
	for _, c := range list {
		if c.Type != gatelodge.TLSALPN01 {
			continue
		}
		if found == nil {
			found = make(map[gatelodge.Name]*tls.Certificate)
		}
		found[c.Name] = c.Certificate
	}
	return found
}

// proof returns the configuration for the handshake of a CA that proves a name,
// and nil for everybody else's. A CA offers that protocol alone (RFC 8737 §3),
// and whoever does so sees nothing but the proof.
func (t *table) proof(hello *tls.ClientHelloInfo) *tls.Config {
	if len(t.proofs) == 0 || !slices.Equal(hello.SupportedProtos, []string{acme.ALPNProto}) {
		return nil
	}
	name, err := gatelodge.ParseName(hello.ServerName)
	if err != nil || t.proofs[name] == nil {
		return nil
	}
	return &tls.Config{
		NextProtos:             []string{acme.ALPNProto},
		MinVersion:             tls.VersionTLS12,
		Certificates:           []tls.Certificate{*t.proofs[name]},
		SessionTicketsDisabled: true,
	}
}
