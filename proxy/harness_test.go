package proxy

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	gatelodge "gatelodge.dev"
)

// mode is a protocol between a client and the gateway.
type mode string

const (
	h1    mode = "h1"
	h1tls mode = "h1tls"
	h2    mode = "h2"
	h2c   mode = "h2c"
)

var allModes = []mode{h1, h1tls, h2, h2c}

// patience is how long what should happen at once may take: long, as a machine may
// have much else to do.
const patience = time.Minute

func (m mode) tls() bool   { return m == h1tls || m == h2 }
func (m mode) http2() bool { return m == h2 || m == h2c }

// inModes runs a test in each of the modes, or in all if none is given.
func inModes(t *testing.T, test func(t *testing.T, m mode), modes ...mode) {
	if len(modes) == 0 {
		modes = allModes
	}
	for _, m := range modes {
		t.Run(string(m), func(t *testing.T) { test(t, m) })
	}
}

// gateway is a proxy under test with one HTTP and one HTTPS listener.
type gateway struct {
	t        *testing.T
	live     *gatelodge.Live
	server   *Server
	registry *prometheus.Registry
	log      *buffer
	served   chan error
	drained  bool
}

// start serves a plain snapshot that build has changed.
func start(t *testing.T, build ...func(*gatelodge.Snapshot)) *gateway {
	t.Helper()
	return startWith(t, func(*gatelodge.Handshake) {}, build...)
}

// startWith is start with tell, which may change the Handshake of a connection.
func startWith(t *testing.T, tell func(*gatelodge.Handshake), build ...func(*gatelodge.Snapshot)) *gateway {
	t.Helper()
	g := &gateway{t: t, live: new(gatelodge.Live), registry: prometheus.NewRegistry(), log: new(buffer), served: make(chan error, 1)}
	g.server = New(g.live, Config{
		Log:        slog.New(slog.NewTextHandler(io.Discard, nil)),
		Registerer: g.registry,
		AccessLog:  g.log,
		TLS:        serverTLS(tell),
	})
	s := plainSnapshot()
	for _, b := range build {
		b(s)
	}
	g.live.Swap(s)
	for _, l := range s.Listeners {
		if err := g.server.Listen(l); err != nil {
			t.Fatal(err)
		}
	}
	go func() { g.served <- g.server.Serve() }()
	t.Cleanup(func() {
		if err := g.drain(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// drain ends the gateway; further calls do nothing.
func (g *gateway) drain() error {
	if g.drained {
		return nil
	}
	g.drained = true
	err := g.server.Drain(context.Background())
	if serve := <-g.served; serve != nil {
		g.t.Error(serve)
	}
	return err
}

func plainSnapshot() *gatelodge.Snapshot {
	return &gatelodge.Snapshot{
		Settings: &gatelodge.Settings{
			Timeouts: gatelodge.Timeouts{
				Header: patience, Body: patience, Idle: patience, Connect: patience, Read: patience, Send: patience,
			},
			Limits:        gatelodge.Limits{HeaderBytes: 64 << 10, Headers: 128, Streams: 100},
			Retries:       gatelodge.Retries{Attempts: 3, Budget: 0.2},
			AccessLog:     gatelodge.AccessLog{Enabled: true, Sample: 1},
			RedirectHTTPS: true,
			Buffers:       gatelodge.Buffers{Memory: 64 << 20, Disk: 64 << 20, Share: 0.5},
			Compression:   gatelodge.CompressionLevels{Gzip: 1, Brotli: 4, Zstd: 1, Memory: 64 << 20},
			Drain:         gatelodge.Drain{Timeout: patience, Tunnels: patience},
		},
		Listeners: []gatelodge.Listener{
			{Name: "http", Protocol: gatelodge.HTTP, Address: "127.0.0.1:0", PublicPort: 80},
			{Name: "https", Protocol: gatelodge.HTTPS, Address: "127.0.0.1:0", PublicPort: 443},
		},
	}
}

const (
	appHost = "app.example.com"
	appKey  = "shop/web:80"
)

// app makes the snapshot that of one host with one backend at the addresses.
func app(protocol gatelodge.BackendProtocol, addresses ...netip.AddrPort) func(*gatelodge.Snapshot) {
	return func(s *gatelodge.Snapshot) {
		addHosts(s, host1(appHost, route1("/", appKey)))
		addBackends(s, backend1(appKey, protocol, addresses...))
	}
}

func settings(change func(*gatelodge.Settings)) func(*gatelodge.Snapshot) {
	return func(s *gatelodge.Snapshot) { change(s.Settings) }
}

func addHosts(s *gatelodge.Snapshot, hosts ...*gatelodge.Host) {
	for _, h := range hosts {
		s.Hosts = s.Hosts.With(h.Name, h)
	}
}

func addBackends(s *gatelodge.Snapshot, backends ...*gatelodge.Backend) {
	for _, b := range backends {
		s.Backends = s.Backends.With(b.Key, b)
	}
}

// onlyHost returns the host of a snapshot that is still being made.
func onlyHost(s *gatelodge.Snapshot) *gatelodge.Host { return only(s.Hosts.All()) }

// onlyBackend returns the backend of a snapshot that is still being made.
func onlyBackend(s *gatelodge.Snapshot) *gatelodge.Backend { return only(s.Backends.All()) }

func only[K, V any](all iter.Seq2[K, V]) (value V) {
	n := 0
	for _, value = range all {
		n++
	}
	if n != 1 {
		panic(fmt.Sprint("there are ", n))
	}
	return value
}

func host1(name gatelodge.Name, routes ...*gatelodge.Route) *gatelodge.Host {
	return &gatelodge.Host{Name: name, Owner: "shop", Routes: routes}
}

func route1(path, key string) *gatelodge.Route {
	return &gatelodge.Route{
		Path: path, Backend: gatelodge.BackendKey(key), Policy: &gatelodge.Policy{},
		Object: gatelodge.Object{Kind: "Ingress", Namespace: "shop", Name: "web"},
	}
}

func backend1(key string, protocol gatelodge.BackendProtocol, addresses ...netip.AddrPort) *gatelodge.Backend {
	service, _, _ := strings.Cut(key[strings.IndexByte(key, '/')+1:], ":")
	b := &gatelodge.Backend{Key: gatelodge.BackendKey(key), Namespace: "shop", Service: service, Protocol: protocol}
	for _, a := range addresses {
		b.Endpoints = append(b.Endpoints, gatelodge.Endpoint{Address: a})
	}
	return b
}

// backendServer starts a backend.
func backendServer(t *testing.T, protocol gatelodge.BackendProtocol, handler http.HandlerFunc) netip.AddrPort {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(protocol == gatelodge.BackendHTTP)
	server.Config.Protocols.SetUnencryptedHTTP2(protocol == gatelodge.BackendH2C)
	server.Start()
	t.Cleanup(server.Close)
	return netip.MustParseAddrPort(server.Listener.Addr().String())
}

func (g *gateway) address(m mode) string {
	if m.tls() {
		return g.server.Addr("https").String()
	}
	return g.server.Addr("http").String()
}

// client returns a client for mode m that resolves every host to the gateway.
func (g *gateway) client(m mode) *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP1(!m.http2())
	protocols.SetHTTP2(m == h2)
	protocols.SetUnencryptedHTTP2(m == h2c)
	transport := &http.Transport{
		Protocols:          &protocols,
		DisableCompression: true,
		TLSClientConfig:    &tls.Config{RootCAs: roots(), NextProtos: nil},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, g.address(m))
		},
		ExpectContinueTimeout: patience,
	}
	g.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		Timeout:       2 * patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (m mode) url(host, path string) string {
	if m.tls() {
		return "https://" + host + path
	}
	return "http://" + host + path
}

// answerOf is the response to a request.
type answerOf struct {
	*http.Response
	body string
}

// do sends a request and reads the whole response.
func do(t *testing.T, c *http.Client, r *http.Request) answerOf {
	t.Helper()
	response, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answerOf{response, string(body)}
}

// get requests a path of the app.
func (g *gateway) get(m mode, path string) answerOf {
	g.t.Helper()
	return do(g.t, g.client(m), newRequest(g.t, "GET", m.url(appHost, path), nil))
}

func newRequest(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// pipe is a body that the test writes. It ends by itself, because net/http's
// client waits for its end even after the request has failed.
func pipe(t *testing.T) (*io.PipeReader, *io.PipeWriter) {
	out, in := io.Pipe()
	end := time.AfterFunc(patience, func() { _ = in.CloseWithError(errors.New("the test takes too long")) })
	t.Cleanup(func() {
		end.Stop()
		_ = in.Close()
	})
	return out, in
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-deadline.C:
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

// inTime runs a test of a timeout: with one that is short, and with twice as long a one
// as often as the machine was too slow for what has to happen within it.
func inTime(t *testing.T, test func(timeout time.Duration) (inTime bool)) {
	t.Helper()
	for timeout := 50 * time.Millisecond; timeout < patience; timeout *= 2 {
		if test(timeout) {
			return
		}
		t.Logf("the machine is too slow for a timeout of %s", timeout)
	}
	t.Error("the machine is too slow for every timeout")
}

// lines returns the access log's lines once there are n.
func (g *gateway) lines(n int) []map[string]any {
	g.t.Helper()
	var lines []map[string]any
	eventually(g.t, "lines in the access log", func() bool {
		lines = nil
		for line := range strings.Lines(g.log.String()) {
			var fields map[string]any
			if err := json.Unmarshal([]byte(line), &fields); err != nil {
				g.t.Fatalf("%v in %s", err, line)
			}
			lines = append(lines, fields)
		}
		return len(lines) >= n
	})
	return lines
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// keyPair is the certificate of all hosts in the tests except other.example.net.
var keyPair = sync.OnceValue(func() *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"*.example.com", "*.foo.com", "foo.bar.com", "bar.foo.com", "*.bar.com", "other.example.net"},
		IsCA:     true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
})

func roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(keyPair().Leaf)
	return pool
}

// serverTLS replaces package tls: its certificate covers example.com and the names
// below it.
func serverTLS(tell func(*gatelodge.Handshake)) *tls.Config {
	shown := &gatelodge.Certificate{Names: []gatelodge.Name{"*.example.com"}}
	return &tls.Config{
		NextProtos:   []string{"h2", "http/1.1"},
		Certificates: []tls.Certificate{*keyPair()},
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if h := gatelodge.HandshakeOf(hello.Context()); h != nil {
				h.Certificates = append(slices.Clone(h.Certificates), shown)
				tell(h)
			}
			return nil, nil
		},
	}
}
