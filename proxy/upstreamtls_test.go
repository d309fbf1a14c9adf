package proxy

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	grpctls "google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/wrapperspb"

	gatelodge "gatelodge.dev"
)

// overTLS are the protocols of backends that use TLS.
var overTLS = []gatelodge.BackendProtocol{gatelodge.BackendHTTPS, gatelodge.BackendH2}

// alpn returns the ALPN protocol of a backend.
func alpn(p gatelodge.BackendProtocol) string {
	if p == gatelodge.BackendH2 {
		return "h2"
	}
	return "http/1.1"
}

// backendTLS returns a self-signed certificate for name, and roots to verify it.
func backendTLS(t *testing.T, name string, until time.Time) (*tls.Certificate, []*x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, []*x509.Certificate{leaf}
}

// tlsBackend is a backend with TLS that records its connections.
type tlsBackend struct {
	address netip.AddrPort
	conns   atomic.Int32
	server  *httptest.Server

	mu     sync.Mutex
	states []tls.ConnectionState // of each request's connection
}

// startTLSBackend starts a backend that responds "ok".
func startTLSBackend(t *testing.T, config *tls.Config, handler http.HandlerFunc) *tlsBackend {
	t.Helper()
	b := &tlsBackend{}
	b.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		b.states = append(b.states, *r.TLS)
		b.mu.Unlock()
		handler(w, r)
	}))
	b.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	b.server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			b.conns.Add(1)
		}
	}
	b.server.TLS = config
	b.server.EnableHTTP2 = len(config.NextProtos) > 0 && config.NextProtos[0] == "h2"
	b.server.StartTLS()
	t.Cleanup(b.server.Close)
	b.address = netip.MustParseAddrPort(b.server.Listener.Addr().String())
	return b
}

func (b *tlsBackend) seen() []tls.ConnectionState {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]tls.ConnectionState(nil), b.states...)
}

// secureApp is app with a backend that uses TLS.
func secureApp(protocol gatelodge.BackendProtocol, how *gatelodge.BackendTLS, addresses ...netip.AddrPort) func(*gatelodge.Snapshot) {
	return func(s *gatelodge.Snapshot) {
		app(protocol, addresses...)(s)
		onlyBackend(s).TLS = how
	}
}

// TestBackendTLSOutcomes proves the table about TLS in docs/backends.md.
func TestBackendTLSOutcomes(t *testing.T) {
	later := time.Now().Add(time.Hour)
	certificate, roots := backendTLS(t, "web.shop.svc", later)
	_, otherRoots := backendTLS(t, "web.shop.svc", later)
	expired, expiredRoots := backendTLS(t, "web.shop.svc", time.Now().Add(-time.Hour))
	client, clientRoots := backendTLS(t, "gateway", later)
	verified := func(roots []*x509.Certificate, name gatelodge.Name) *gatelodge.BackendTLS {
		return &gatelodge.BackendTLS{Roots: roots, VerifyName: name}
	}
	for _, c := range []struct {
		name   string
		server func(*tls.Config)
		how    *gatelodge.BackendTLS
		want   int
		reason string // in the access log
	}{
		{"is not verified", nil, &gatelodge.BackendTLS{}, 200, ""},
		{"is out of date and not verified", shows(expired), &gatelodge.BackendTLS{}, 200, ""},
		{"has the right certificate", nil, verified(roots, "web.shop.svc"), 200, ""},
		{"has another name", nil, verified(roots, "api.shop.svc"), 502, "certificate is valid for web.shop.svc"},
		{"is signed by another CA", nil, verified(otherRoots, "web.shop.svc"), 502, "unknown authority"},
		{"is out of date", shows(expired), verified(expiredRoots, "web.shop.svc"), 502, "expired"},
		{"asks for a certificate and gets one", asksFor(clientRoots), &gatelodge.BackendTLS{Certificate: client}, 200, ""},
		{"asks for a certificate and gets none", asksFor(clientRoots), &gatelodge.BackendTLS{}, 502, "backend: "},
		{"does not accept the certificate", asksFor(roots), &gatelodge.BackendTLS{Certificate: client}, 502, "backend: "},
		{"speaks TLS 1.1 only", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 }, &gatelodge.BackendTLS{}, 502, "protocol version"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, protocol := range overTLS {
				config := &tls.Config{Certificates: []tls.Certificate{*certificate}, NextProtos: []string{alpn(protocol)}}
				if c.server != nil {
					c.server(config)
				}
				b := startTLSBackend(t, config, ok)
				g := start(t, secureApp(protocol, c.how, b.address))
				answer := g.get(h1, "/")
				if answer.StatusCode != c.want {
					t.Errorf("%s: got %d, want %d", protocol, answer.StatusCode, c.want)
				}
				if reason, _ := g.lines(1)[0]["reason"].(string); !strings.Contains(reason, c.reason) || c.reason == "" && reason != "" {
					t.Errorf("%s: logged the reason %q, want %q", protocol, reason, c.reason)
				}
			}
		})
	}
}

func shows(c *tls.Certificate) func(*tls.Config) {
	return func(config *tls.Config) { config.Certificates = []tls.Certificate{*c} }
}

func asksFor(roots []*x509.Certificate) func(*tls.Config) {
	return func(config *tls.Config) {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		for _, root := range roots {
			config.ClientCAs.AddCert(root)
		}
	}
}

// TestBackendWithoutTLS: the backend does not use TLS although it should.
func TestBackendWithoutTLS(t *testing.T) {
	certificate, _ := backendTLS(t, "web.shop.svc", time.Now().Add(time.Hour))
	only := func(protocol string) netip.AddrPort {
		return startTLSBackend(t, &tls.Config{Certificates: []tls.Certificate{*certificate}, NextProtos: []string{protocol}}, ok).address
	}
	hangs, err := net.Listen("tcp", "127.0.0.1:0") // connections are made, and nobody answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hangs.Close() })
	for _, c := range []struct {
		name     string
		protocol gatelodge.BackendProtocol
		address  netip.AddrPort
		want     int
		reason   string
	}{
		{"https, in clear text", gatelodge.BackendHTTPS, backendServer(t, gatelodge.BackendHTTP, ok), 502, "does not look like a TLS handshake"},
		{"h2, in clear text", gatelodge.BackendH2, backendServer(t, gatelodge.BackendHTTP, ok), 502, "does not look like a TLS handshake"},
		{"http, over TLS", gatelodge.BackendHTTP, only("http/1.1"), 400, ""}, // what net/http says to a stray HTTP request
		{"https, HTTP/2 alone", gatelodge.BackendHTTPS, only("h2-only"), 502, "no application protocol"},
		{"h2, HTTP/1.1 alone", gatelodge.BackendH2, only("http/1.1"), 502, "no application protocol"},
		{"https, no handshake", gatelodge.BackendHTTPS, netip.MustParseAddrPort(hangs.Addr().String()), 504, "deadline exceeded"},
		{"h2, no handshake", gatelodge.BackendH2, netip.MustParseAddrPort(hangs.Addr().String()), 504, "deadline exceeded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			how := &gatelodge.BackendTLS{}
			if !c.protocol.OverTLS() {
				how = nil
			}
			g := start(t, secureApp(c.protocol, how, c.address), settings(func(s *gatelodge.Settings) {
				if c.want == 504 {
					s.Timeouts.Connect = 100 * time.Millisecond
				}
			}))
			if answer := g.get(h1, "/"); answer.StatusCode != c.want {
				t.Errorf("got %d, want %d", answer.StatusCode, c.want)
			}
			if reason, _ := g.lines(1)[0]["reason"].(string); !strings.Contains(reason, c.reason) {
				t.Errorf("logged the reason %q, want %q", reason, c.reason)
			}
		})
	}
}

// TestBackendTLSRetry: with an endpoint whose certificate is wrong no request fails
// as long as there is another one, because nothing was sent to it.
func TestBackendTLSRetry(t *testing.T) {
	later := time.Now().Add(time.Hour)
	right, roots := backendTLS(t, "web.shop.svc", later)
	wrong, _ := backendTLS(t, "web.shop.svc", later)
	for _, protocol := range overTLS {
		var addresses []netip.AddrPort
		for _, c := range []*tls.Certificate{wrong, right} {
			addresses = append(addresses, startTLSBackend(t, &tls.Config{Certificates: []tls.Certificate{*c}, NextProtos: []string{alpn(protocol)}}, ok).address)
		}
		g := start(t, secureApp(protocol, &gatelodge.BackendTLS{Roots: roots, VerifyName: "web.shop.svc"}, addresses...))
		for range 4 {
			r := newRequest(t, "POST", h1.url(appHost, "/"), strings.NewReader("once"))
			if answer := do(t, g.client(h1), r); answer.StatusCode != 200 {
				t.Errorf("%s: got %d", protocol, answer.StatusCode)
			}
		}
	}
}

// TestServerName: SNI has the policy's name, and is not sent without one.
func TestServerName(t *testing.T) {
	certificate, roots := backendTLS(t, "web.shop.svc", time.Now().Add(time.Hour))
	for _, protocol := range overTLS {
		for _, name := range []gatelodge.Name{"", "backend.example.net"} {
			b := startTLSBackend(t, &tls.Config{Certificates: []tls.Certificate{*certificate}, NextProtos: []string{alpn(protocol)}}, ok)
			g := start(t, secureApp(protocol, &gatelodge.BackendTLS{ServerName: name, Roots: roots, VerifyName: "web.shop.svc"}, b.address))
			if answer := g.get(h1, "/"); answer.StatusCode != 200 {
				t.Fatalf("%s: got %d", protocol, answer.StatusCode)
			}
			if got := b.seen()[0].ServerName; got != string(name) {
				t.Errorf("%s: the backend received the name %q, want %q", protocol, got, name)
			}
		}
	}
}

// TestBackendTLSConnections: connections are reused, and a new one resumes the last
// session.
func TestBackendTLSConnections(t *testing.T) {
	certificate, _ := backendTLS(t, "web.shop.svc", time.Now().Add(time.Hour))
	for _, protocol := range overTLS {
		t.Run(string(protocol), func(t *testing.T) {
			b := startTLSBackend(t, &tls.Config{Certificates: []tls.Certificate{*certificate}, NextProtos: []string{alpn(protocol)}}, ok)
			g := start(t, secureApp(protocol, &gatelodge.BackendTLS{}, b.address))
			client := g.client(h1)
			ask := func(method string) {
				t.Helper()
				if answer := do(t, client, newRequest(t, method, h1.url(appHost, "/"), nil)); answer.StatusCode != 200 {
					t.Fatalf("%s: got %d", method, answer.StatusCode)
				}
			}
			for range 3 {
				ask("POST")
			}
			if n := b.conns.Load(); n != 1 {
				t.Errorf("%d connections for three requests", n)
			}
			b.server.CloseClientConnections()
			if protocol == gatelodge.BackendHTTPS {
				ask("POST") // goes nowhere but to a new connection, because it could not be sent twice
			} else {
				ask("GET")
			}
			seen := b.seen()
			if last := seen[len(seen)-1]; !last.DidResume || seen[0].DidResume {
				t.Errorf("resumed the session: %t at first, %t on the second connection", seen[0].DidResume, last.DidResume)
			}
		})
	}
}

// TestBackendTLSReplaced: with other TLS settings new connections are made; with
// equal ones they are kept.
func TestBackendTLSReplaced(t *testing.T) {
	certificate, roots := backendTLS(t, "web.shop.svc", time.Now().Add(time.Hour))
	_, others := backendTLS(t, "web.shop.svc", time.Now().Add(time.Hour))
	for _, protocol := range overTLS {
		b := startTLSBackend(t, &tls.Config{Certificates: []tls.Certificate{*certificate}, NextProtos: []string{alpn(protocol)}}, ok)
		how := &gatelodge.BackendTLS{Roots: roots, VerifyName: "web.shop.svc"}
		g := start(t, secureApp(protocol, how, b.address))
		serve := func(how *gatelodge.BackendTLS) int {
			next := plainSnapshot()
			secureApp(protocol, how, b.address)(next)
			g.live.Swap(next)
			return g.get(h1, "/").StatusCode
		}
		if got := serve(how); got != 200 {
			t.Errorf("%s: got %d", protocol, got)
		}
		if got := serve(how); got != 200 || b.conns.Load() != 1 {
			t.Errorf("%s: got %d over %d connections, want the kept one", protocol, got, b.conns.Load())
		}
		if got := serve(&gatelodge.BackendTLS{Roots: others, VerifyName: "web.shop.svc"}); got != 502 {
			t.Errorf("%s: got %d from a backend that is not trusted any more", protocol, got)
		}
	}
}

// TestWebSocketOverTLS: the tunnel works over TLS in both directions.
func TestWebSocketOverTLS(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		certificate, _ := backendTLS(t, "web.shop.svc", time.Now().Add(time.Hour))
		b := startTLSBackend(t, &tls.Config{Certificates: []tls.Certificate{*certificate}}, webSocketEcho)
		g := start(t, secureApp(gatelodge.BackendHTTPS, &gatelodge.BackendTLS{}, b.address))
		c := g.webSocket(m)
		for _, message := range []string{"one", strings.Repeat("long", 20000), "three"} {
			if err := echo(c, message); err != nil {
				t.Fatal(err)
			}
		}
	}, h1, h1tls)
}

// TestLargeBodiesOverTLS: bodies of several records arrive complete.
func TestLargeBodiesOverTLS(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		certificate, _ := backendTLS(t, "web.shop.svc", time.Now().Add(time.Hour))
		body := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
		for _, protocol := range overTLS {
			b := startTLSBackend(t, &tls.Config{Certificates: []tls.Certificate{*certificate}, NextProtos: []string{alpn(protocol)}},
				func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
			g := start(t, secureApp(protocol, &gatelodge.BackendTLS{}, b.address))
			answer := do(t, g.client(m), newRequest(t, "POST", m.url(appHost, "/"), bytes.NewReader(body)))
			if answer.StatusCode != 200 || answer.body != string(body) {
				t.Errorf("%s: got %d with %d bytes", protocol, answer.StatusCode, len(answer.body))
			}
		}
	})
}

// TestGRPCOverTLS: gRPC to a backend with the protocol GRPCS.
func TestGRPCOverTLS(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		certificate, roots := backendTLS(t, "web.shop.svc", time.Now().Add(time.Hour))
		address := grpcBackend(t, grpc.Creds(grpctls.NewServerTLSFromCert(certificate)))
		g := start(t, secureApp(gatelodge.BackendH2, &gatelodge.BackendTLS{Roots: roots, VerifyName: "web.shop.svc"}, address))
		got := new(wrapperspb.StringValue)
		if err := g.grpc(m).Invoke(t.Context(), "/test.Echo/Call", wrapperspb.String("hello"), got); err != nil || got.Value != "hello" {
			t.Errorf("got %q, %v", got.Value, err)
		}
	}, h2, h2c)
}
