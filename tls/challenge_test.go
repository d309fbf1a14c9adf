package tls_test

import (
	"crypto/tls"
	"testing"

	"gatelodge.dev"
)

// TestTLSALPNChallenge: a challenge's certificate is shown only for its name, to
// clients that offer the CA's protocol and no other.
func TestTLSALPNChallenge(t *testing.T) {
	ca := newCertificates(t)
	served, challenge := ca.ecdsa("shop.example.com"), ca.ecdsa("shop.example.com")
	snapshot := serving(host("shop.example.com", served), host("other.example.com", served))
	snapshot.Challenges = []gatelodge.Challenge{
		{Type: gatelodge.TLSALPN01, Name: "shop.example.com", Certificate: challenge.KeyPair},
		{Type: gatelodge.TLSALPN01, Name: "new.example.net", Certificate: challenge.KeyPair},
		{Type: gatelodge.HTTP01, Name: "other.example.com"},
	}
	g := start(t, snapshot)
	for _, c := range []struct {
		idea, sni string
		protocols []string
		want      *gatelodge.Certificate // nil: the handshake fails
		protocol  string
	}{
		{"a CA", "shop.example.com", []string{"acme-tls/1"}, challenge, "acme-tls/1"},
		{"a name that is not served yet", "new.example.net", []string{"acme-tls/1"}, challenge, "acme-tls/1"},
		{"a browser", "shop.example.com", []string{"h2", "http/1.1"}, served, "h2"},
		{"a client that offers nothing", "shop.example.com", nil, served, ""},
		{"a client that offers both", "shop.example.com", []string{"acme-tls/1", "http/1.1"}, served, "http/1.1"},
		{"a name without a challenge of this type", "other.example.com", []string{"acme-tls/1"}, nil, ""},
	} {
		t.Run(c.idea, func(t *testing.T) {
			config := client(c.sni)
			config.NextProtos = c.protocols
			conn, err := tls.Dial("tcp", g.address, config)
			if err != nil {
				if c.want != nil {
					t.Fatal(err)
				}
				return
			}
			defer conn.Close()
			state := conn.ConnectionState()
			if c.want == nil || !is(state.PeerCertificates[0], c.want) || state.NegotiatedProtocol != c.protocol {
				t.Errorf("shown %v under %q", state.PeerCertificates[0].DNSNames, state.NegotiatedProtocol)
			}
		})
	}
}
