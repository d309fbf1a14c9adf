package tls

import (
	"crypto/tls"
	"slices"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
)

// challengeCertificates returns the certificates that answer tls-alpn-01
// challenges (RFC 8737), by name; nil when there are none.
func challengeCertificates(list []gatelodge.Challenge) map[gatelodge.Name]*tls.Certificate {
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

// challengeConfig returns the configuration for the handshake of a CA that
// validates a tls-alpn-01 challenge, and nil for any other handshake. A CA
// offers no other protocol (RFC 8737 §3), and a client that does the same sees
// nothing but the challenge's certificate.
func (t *table) challengeConfig(hello *tls.ClientHelloInfo, view string) *tls.Config {
	if len(t.challenges) == 0 || !slices.Equal(hello.SupportedProtos, []string{acme.ALPNProto}) {
		return nil
	}
	name, err := gatelodge.ParseName(hello.ServerName)
	if err != nil || t.challenges[name] == nil {
		return nil
	}
	if h := t.hosts.Get(name); h != nil && h.In(view) == nil {
		return nil
	}
	return &tls.Config{
		NextProtos:             []string{acme.ALPNProto},
		MinVersion:             tls.VersionTLS12,
		Certificates:           []tls.Certificate{*t.challenges[name]},
		SessionTicketsDisabled: true,
	}
}
