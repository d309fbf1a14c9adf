package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/wire"
)

// endpointTLS configures the TLS client for one endpoint and an ALPN protocol
// (RFC 7301). It keeps one session to resume (RFC 8446 §2.2); other endpoints of
// the backend may not accept it.
func endpointTLS(t *gatelodge.BackendTLS, protocol string) *tls.Config {
	config := &tls.Config{
		ServerName:         string(t.ServerName),
		NextProtos:         []string{protocol},
		ClientSessionCache: tls.NewLRUClientSessionCache(1),
		// The name to verify may differ from the name to send, which may be empty.
		// crypto/tls can't do that, so VerifyConnection verifies.
		InsecureSkipVerify: true,
	}
	if len(t.Roots) > 0 {
		roots := x509.NewCertPool()
		for _, root := range t.Roots {
			roots.AddCert(root)
		}
		config.VerifyConnection = func(made tls.ConnectionState) error {
			return verifyEndpoint(made.PeerCertificates, roots, string(t.VerifyName))
		}
	}
	if t.Certificate != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return t.Certificate, nil }
	}
	return config
}

// verifyEndpoint verifies an endpoint's chain, whose first certificate is the leaf.
func verifyEndpoint(chain []*x509.Certificate, roots *x509.CertPool, name string) error {
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: intermediates})
	return err
}

// dialTLS connects to an endpoint and does the handshake, all within ctx.
func dialTLS(config *tls.Config) func(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
	return func(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
		tcp, err := wire.Dial(ctx, address)
		if err != nil {
			return nil, err
		}
		overHTTP2 := config.NextProtos[0] == "h2"
		conn := tls.Client(wire.BelowTLS(tcp), config)
		err = conn.HandshakeContext(ctx)
		// Without an agreed protocol HTTP/1.1 is used, and never HTTP/2 (RFC 9113
		// §3.2).
		if err == nil && overHTTP2 && conn.ConnectionState().NegotiatedProtocol != "h2" {
			err = errors.New("the endpoint does not agree to HTTP/2 (ALPN)")
		}
		if err != nil {
			tcp.Close()
			return nil, err
		}
		return conn, nil
	}
}
