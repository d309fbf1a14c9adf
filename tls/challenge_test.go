package tls_test

import (
	"crypto/tls"
	"testing"

	"gatelodge.dev"
)

// TestProofByHandshake: the certificate of a challenge is for who offers the
// CA's protocol alone, and for the name that is proved.
func TestProofByHandshake(t *testing.T) {
	ca := newCertificates(t)
	served, proof := ca.ecdsa("shop.example.com"), ca.ecdsa("shop.example.com")
	snapshot := serving(host("shop.example.com", served), host("other.example.com", served))
	snapshot.Challenges = []gatelodge.Challenge{
		{Type: gatelodge.TLSALPN01, Name: "shop.example.com", Certificate: proof.KeyPair},
		{Type: gatelodge.TLSALPN01, Name: "new.example.net", Certificate: proof.KeyPair},
		{Type: gatelodge.HTTP01, Name: "other.example.com"},
	}
	g := start(t, snapshot)
	for _, c := range []struct {
		idea, sni string
		protocols []string
		want      *gatelodge.Certificate // nil: the handshake fails
		protocol  string
	}{
		{"a CA", "shop.example.com", []string{"acme-tls/1"}, proof, "acme-tls/1"},
		{"a name that is not served yet", "new.example.net", []string{"acme-tls/1"}, proof, "acme-tls/1"},
		{"a browser", "shop.example.com", []string{"h2", "http/1.1"}, served, "h2"},
		{"who offers nothing", "shop.example.com", nil, served, ""},
		{"who offers both", "shop.example.com", []string{"acme-tls/1", "http/1.1"}, served, "http/1.1"},
		{"a name without a challenge of the kind", "other.example.com", []string{"acme-tls/1"}, nil, ""},
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
