package tls_test

import (
	"strings"
	"testing"

	"gatelodge.dev"
)

// TestCertificateForName: the exact name comes first, then the wildcard one
// label up, then the defaults, then a self-signed certificate.
func TestCertificateForName(t *testing.T) {
	ca := newCertificates(t)
	exact := ca.ecdsa("shop.example.com")
	wildcard := ca.ecdsa("*.example.com")
	fallback := ca.ecdsa("*.apps.test", "apps.test")
	other := ca.ecdsa("*.other.test")
	g := start(t, &gatelodge.Snapshot{
		Hosts: gatelodge.HostMap(
			host("", exact), // its certificates match no name
			host("shop.example.com", exact),
			host("foreign.example.com"),
			host("*.example.com", wildcard),
			host("bare.test"),
			host("*.bare.test"),
		),
		DefaultCertificates: []*gatelodge.Certificate{fallback, other},
	})

	for _, c := range []struct {
		idea string
		sni  string
		want *gatelodge.Certificate // nil: self-signed
		name string                 // in the self-signed one
	}{
		{idea: "exact name before wildcard", sni: "shop.example.com", want: exact},
		{idea: "in any case", sni: "SHOP.Example.COM", want: exact},
		{idea: "wildcard one label up", sni: "any.example.com", want: wildcard},
		{idea: "wildcard not for a host without certificates", sni: "foreign.example.com", name: "foreign.example.com"},
		{idea: "wildcard not two labels up", sni: "a.b.example.com", name: "gatelodge.invalid"},
		{idea: "wildcard not for its parent", sni: "example.com", name: "gatelodge.invalid"},
		{idea: "default that covers the name", sni: "x.apps.test", want: fallback},
		{idea: "each default by its names", sni: "x.other.test", want: other},
		{idea: "no SNI: the first default", sni: "", want: fallback},
		{idea: "host without a certificate", sni: "bare.test", name: "bare.test"},
		{idea: "wildcard host without a certificate", sni: "x.bare.test", name: "*.bare.test"},
		{idea: "name that no host has", sni: "nobody.test", name: "gatelodge.invalid"},
		{idea: "single label", sni: "localhost", name: "gatelodge.invalid"},
	} {
		t.Run(c.idea, func(t *testing.T) {
			conn := g.mustDial(client(c.sni))
			shown := conn.ConnectionState().PeerCertificates[0]
			if c.want != nil {
				if !is(shown, c.want) {
					t.Errorf("shown %v, want %v", shown.DNSNames, c.want.Names)
				}
				if h := g.handshake(conn); c.sni != "" && !h.Covers(gatelodge.Name(strings.ToLower(c.sni))) {
					t.Errorf("the Handshake does not cover the requested name: %v", h.Certificates)
				}
				return
			}
			if !isSelfSigned(shown) || len(shown.DNSNames) != 1 || shown.DNSNames[0] != c.name {
				t.Errorf("shown %v by %s, want a self-signed one for %s", shown.DNSNames, shown.Issuer, c.name)
			}
			if h := g.handshake(conn); len(h.Certificates) != 0 {
				t.Errorf("with a self-signed certificate the Handshake has %v", h.Certificates)
			}
		})
	}
}

// TestOddNames: an invalid name is answered like one that no host has, or
// refused by crypto/tls, and the next client is served.
func TestOddNames(t *testing.T) {
	good := newCertificates(t).ecdsa("shop.example.com")
	g := start(t, serving(host("shop.example.com", good)))
	for _, sni := range []string{
		"-.example.com",
		"a..b",
		"*",
		"*.example.com",
		"shop.example.com:443",
		"shop example com",
		"shop.example.com/",
		"\x00",
		"ex\xff\xfe",
		"1.2.3.4.5",
		strings.Repeat("a", 64) + ".example.com",
		strings.Repeat("a.", 126) + "aa",
	} {
		if conn, err := g.dial(client(sni)); err == nil && !isSelfSigned(conn.ConnectionState().PeerCertificates[0]) {
			t.Errorf("%q was shown a certificate of a host", sni)
		}
	}
	if !is(g.shown(client("shop.example.com")), good) {
		t.Error("a good name is not served after the odd ones")
	}
}

// TestNoSNIWithoutDefaults: without SNI and defaults the certificate is
// self-signed.
func TestNoSNIWithoutDefaults(t *testing.T) {
	g := start(t, serving(host("shop.example.com", newCertificates(t).ecdsa("shop.example.com"))))
	if shown := g.shown(client("")); !isSelfSigned(shown) {
		t.Errorf("shown %v, want a self-signed certificate", shown.DNSNames)
	}
}
