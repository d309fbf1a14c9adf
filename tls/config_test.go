package tls_test

import (
	"crypto/tls"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"gatelodge.dev"
	gatetls "gatelodge.dev/tls"
)

// TestKeyTypeByClient: of an RSA and an ECDSA certificate for one name, each
// client gets the one it supports.
func TestKeyTypeByClient(t *testing.T) {
	ca := newCertificates(t)
	ec, rsa := ca.ecdsa("shop.example.com"), ca.rsa("shop.example.com")
	g := start(t, &gatelodge.Snapshot{
		Hosts:               gatelodge.HostMap(host("shop.example.com", ec, rsa)),
		DefaultCertificates: []*gatelodge.Certificate{ec, rsa},
	})
	for _, sni := range []string{"shop.example.com", ""} {
		modern, old := client(sni), client(sni)
		old.MaxVersion = tls.VersionTLS12
		old.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
		if !is(g.shown(modern), ec) {
			t.Errorf("SNI %q: a client that supports both is not shown the ECDSA certificate", sni)
		}
		if !is(g.shown(old), rsa) {
			t.Errorf("SNI %q: a client that supports only RSA is not shown the RSA certificate", sni)
		}
	}
}

// TestHotReplacement: the next handshake shows the new certificate, and a
// connection made with the old one stays open.
func TestHotReplacement(t *testing.T) {
	ca := newCertificates(t)
	before, after := ca.ecdsa("shop.example.com"), ca.ecdsa("shop.example.com")
	g := start(t, serving(host("shop.example.com", before)))

	old := g.mustDial(client("shop.example.com"))
	g.live.Swap(serving(host("shop.example.com", after)))
	if !is(g.shown(client("shop.example.com")), after) {
		t.Error("the next handshake does not show the new certificate")
	}
	if err := echoes(old); err != nil {
		t.Errorf("the open connection was disturbed: %v", err)
	}

	g.live.Swap(serving())
	if shown := g.shown(client("shop.example.com")); !isSelfSigned(shown) {
		t.Error("the certificate outlives its host")
	}
}

// TestDefaultsReplaced: with a new default certificate and the same hosts, the
// new one is shown.
func TestDefaultsReplaced(t *testing.T) {
	ca := newCertificates(t)
	before, after := ca.ecdsa("*.apps.test"), ca.ecdsa("*.apps.test")
	hosts := gatelodge.HostMap(host("shop.example.com", ca.ecdsa("shop.example.com")))
	g := start(t, &gatelodge.Snapshot{Hosts: hosts, DefaultCertificates: []*gatelodge.Certificate{before}})
	g.live.Swap(&gatelodge.Snapshot{Hosts: hosts, DefaultCertificates: []*gatelodge.Certificate{after}})
	if !is(g.shown(client("x.apps.test")), after) {
		t.Error("the previous default certificate is still shown")
	}
}

// TestResumption: a returning client resumes its session, also after a Swap, and
// the Handshake has the certificates although none was shown.
func TestResumption(t *testing.T) {
	for version, name := range map[uint16]string{tls.VersionTLS12: "TLS 1.2", tls.VersionTLS13: "TLS 1.3"} {
		t.Run(name, func(t *testing.T) {
			ca := newCertificates(t)
			before, after := ca.ecdsa("shop.example.com"), ca.ecdsa("shop.example.com")
			g := start(t, serving(host("shop.example.com", before)))
			returning := client("shop.example.com")
			returning.MaxVersion = version
			returning.ClientSessionCache = tls.NewLRUClientSessionCache(8)

			if g.mustDial(returning).ConnectionState().DidResume {
				t.Fatal("the first handshake resumed a session")
			}
			for _, c := range []*gatelodge.Certificate{before, after} {
				g.live.Swap(serving(host("shop.example.com", c)))
				conn := g.mustDial(returning)
				if state := conn.ConnectionState(); !state.DidResume || state.Version != version {
					t.Fatalf("resumed: %t, version %s", state.DidResume, tls.VersionName(state.Version))
				}
				if h := g.handshake(conn); len(h.Certificates) != 1 || h.Certificates[0] != c {
					t.Errorf("the Handshake has %v, want %v", h.Certificates, c)
				}
			}
		})
	}
}

// TestVersions: a version older than the configured one is refused, and TLS 1.1
// always.
func TestVersions(t *testing.T) {
	hosts := []*gatelodge.Host{host("shop.example.com", newCertificates(t).ecdsa("shop.example.com"))}
	for _, c := range []struct {
		min      uint16 // in Settings; 0: no Settings
		client   uint16
		accepted bool
	}{
		{0, tls.VersionTLS11, false},
		{0, tls.VersionTLS12, true},
		{tls.VersionTLS10, tls.VersionTLS11, false},
		{tls.VersionTLS12, tls.VersionTLS11, false},
		{tls.VersionTLS12, tls.VersionTLS12, true},
		{tls.VersionTLS12, tls.VersionTLS13, true},
		{tls.VersionTLS13, tls.VersionTLS12, false},
		{tls.VersionTLS13, tls.VersionTLS13, true},
	} {
		snapshot := &gatelodge.Snapshot{Hosts: gatelodge.HostMap(hosts...)}
		if c.min != 0 {
			snapshot.Settings = &gatelodge.Settings{TLS: gatelodge.TLSSettings{MinVersion: c.min}}
		}
		g := start(t, snapshot)
		config := client("shop.example.com")
		config.MinVersion, config.MaxVersion = c.client, c.client
		if _, err := g.dial(config); (err == nil) != c.accepted {
			t.Errorf("minimum %s, client %s: %v", tls.VersionName(c.min), tls.VersionName(c.client), err)
		}
	}
}

// TestNegotiation: HTTP/2 where the client supports it, and a post-quantum key
// exchange.
func TestNegotiation(t *testing.T) {
	g := start(t, serving(host("shop.example.com", newCertificates(t).ecdsa("shop.example.com"))))
	for _, c := range []struct {
		offered []string
		want    string
	}{
		{[]string{"http/1.1", "h2"}, "h2"},
		{[]string{"http/1.1"}, "http/1.1"},
		{nil, ""},
	} {
		config := client("shop.example.com")
		config.NextProtos = c.offered
		state := g.mustDial(config).ConnectionState()
		if state.NegotiatedProtocol != c.want {
			t.Errorf("offered %v: %q was chosen, want %q", c.offered, state.NegotiatedProtocol, c.want)
		}
		if state.CurveID != tls.X25519MLKEM768 {
			t.Errorf("key exchange %s, want X25519MLKEM768", state.CurveID)
		}
	}
}

// TestCipherSuites: with TLS 1.2, only suites with forward secrecy and
// authenticated encryption are accepted.
func TestCipherSuites(t *testing.T) {
	ca := newCertificates(t)
	g := start(t, serving(host("shop.example.com", ca.ecdsa("shop.example.com"), ca.rsa("shop.example.com"))))
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if !slices.Contains(suite.SupportedVersions, tls.VersionTLS12) {
			continue
		}
		config := client("shop.example.com")
		config.MaxVersion, config.CipherSuites = tls.VersionTLS12, []uint16{suite.ID}
		want := strings.HasPrefix(suite.Name, "TLS_ECDHE_") && (strings.Contains(suite.Name, "_GCM_") || strings.Contains(suite.Name, "_CHACHA20_"))
		if _, err := g.dial(config); (err == nil) != want {
			t.Errorf("%s: %v, want it accepted: %t", suite.Name, err, want)
		}
	}
}

// TestBeforeFirstSnapshot: before the first snapshot, handshakes fail.
func TestBeforeFirstSnapshot(t *testing.T) {
	if _, err := start(t, nil).dial(client("shop.example.com")); err == nil {
		t.Error("a handshake succeeded before anything was served")
	}
}

// TestOtherProtocols: a server of another protocol shows the same certificates,
// and its handshakes fail before the first snapshot.
func TestOtherProtocols(t *testing.T) {
	ca := newCertificates(t)
	wildcard := ca.ecdsa("*.example.com")
	var live gatelodge.Live
	server := gatetls.New(&live, slog.New(slog.DiscardHandler))
	hello := func(name string) *tls.ClientHelloInfo {
		return &tls.ClientHelloInfo{
			ServerName:        name,
			SupportedVersions: []uint16{tls.VersionTLS13},
			SignatureSchemes:  []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
			SupportedCurves:   []tls.CurveID{tls.CurveP256},
		}
	}
	if c, err := server.Certificate(hello("ns1.example.com")); err == nil {
		t.Errorf("before the first snapshot: got %v, want an error", c)
	}
	live.Swap(&gatelodge.Snapshot{Settings: &gatelodge.Settings{}, DefaultCertificates: []*gatelodge.Certificate{wildcard}})
	if c, err := server.Certificate(hello("ns1.example.com")); err != nil || c != wildcard.KeyPair {
		t.Errorf("a name that a default covers: %v, want the default", err)
	}
	c, err := server.Certificate(hello("ns1.example.net"))
	if err != nil || c.Leaf == nil || c == wildcard.KeyPair {
		t.Errorf("a name that nothing covers: %v, want a certificate made for it", err)
	}
}
