package tls_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"io"
	"log/slog"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"gatelodge.dev"
	gatetls "gatelodge.dev/tls"
)

// gateway is a TLS listener on loopback that echoes what it receives.
type gateway struct {
	t       *testing.T
	live    *gatelodge.Live
	server  *gatetls.Server
	address string

	mu         sync.Mutex
	handshakes map[string]*gatelodge.Handshake // by the client's address
}

func start(t *testing.T, first *gatelodge.Snapshot) *gateway {
	t.Helper()
	g := &gateway{t: t, live: new(gatelodge.Live), handshakes: make(map[string]*gatelodge.Handshake)}
	g.server = gatetls.New(g.live, slog.New(slog.DiscardHandler))
	if first != nil {
		g.live.Swap(first)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.address = listener.Addr().String()
	config := g.server.Config()
	var serving sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { g.echo(ctx, conn, config) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		cancel()
		serving.Wait()
	})
	return g
}

func (g *gateway) echo(ctx context.Context, raw net.Conn, config *tls.Config) {
	defer raw.Close()
	defer context.AfterFunc(ctx, func() { raw.Close() })()
	h := new(gatelodge.Handshake)
	conn := tls.Server(raw, config)
	if conn.HandshakeContext(gatelodge.WithHandshake(ctx, h)) != nil {
		return
	}
	g.mu.Lock()
	g.handshakes[raw.RemoteAddr().String()] = h
	g.mu.Unlock()
	io.Copy(conn, conn)
}

// client does not verify the server: tests look at its certificate.
func client(serverName string) *tls.Config {
	return &tls.Config{ServerName: serverName, InsecureSkipVerify: true}
}

// dial makes a connection and waits for an echo. After that the client has its
// session tickets and the server's Handshake is known.
func (g *gateway) dial(config *tls.Config) (*tls.Conn, error) {
	g.t.Helper()
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: time.Minute}, Config: config}
	raw, err := dialer.Dial("tcp", g.address)
	if err != nil {
		return nil, err
	}
	g.t.Cleanup(func() { raw.Close() })
	conn := raw.(*tls.Conn)
	return conn, echoes(conn)
}

func (g *gateway) mustDial(config *tls.Config) *tls.Conn {
	g.t.Helper()
	conn, err := g.dial(config)
	if err != nil {
		g.t.Fatalf("handshake for %q: %v", config.ServerName, err)
	}
	return conn
}

// shown returns the certificate that a client sees.
func (g *gateway) shown(config *tls.Config) *x509.Certificate {
	g.t.Helper()
	return g.mustDial(config).ConnectionState().PeerCertificates[0]
}

// handshake returns the server's Handshake for the connection.
func (g *gateway) handshake(conn *tls.Conn) *gatelodge.Handshake {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	h := g.handshakes[conn.LocalAddr().String()]
	if h == nil {
		g.t.Fatal("the server has no Handshake for the connection")
	}
	return h
}

func echoes(conn net.Conn) error {
	conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := conn.Write([]byte("ping")); err != nil {
		return err
	}
	answer := make([]byte, 4)
	_, err := io.ReadFull(conn, answer)
	return err
}

// certificates makes what Build puts into a Snapshot.
type certificates struct {
	t         *testing.T
	authority *gatetls.Authority
}

func newCertificates(t *testing.T) certificates {
	t.Helper()
	authority, err := gatetls.NewAuthority("Test CA")
	if err != nil {
		t.Fatal(err)
	}
	return certificates{t, authority}
}

func (c certificates) ecdsa(names ...gatelodge.Name) *gatelodge.Certificate {
	c.t.Helper()
	certPEM, keyPEM, err := c.authority.Issue(names, 24*time.Hour)
	if err != nil {
		c.t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		c.t.Fatal(err)
	}
	return described(&pair, names)
}

func (c certificates) rsa(names ...gatelodge.Name) *gatelodge.Certificate {
	c.t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		c.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	for _, n := range names {
		template.DNSNames = append(template.DNSNames, string(n))
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		c.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		c.t.Fatal(err)
	}
	return described(&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: crypto.PrivateKey(key), Leaf: leaf}, names)
}

func described(pair *tls.Certificate, names []gatelodge.Name) *gatelodge.Certificate {
	sum := sha256.Sum256(pair.Leaf.Raw)
	return &gatelodge.Certificate{
		Source:      gatelodge.FromSecret,
		Names:       names,
		NotBefore:   pair.Leaf.NotBefore,
		NotAfter:    pair.Leaf.NotAfter,
		Fingerprint: hex.EncodeToString(sum[:]),
		KeyPair:     pair,
	}
}

func is(shown *x509.Certificate, wanted *gatelodge.Certificate) bool {
	return bytes.Equal(shown.Raw, wanted.KeyPair.Leaf.Raw)
}

// isSelfSigned reports whether the gateway made the certificate itself.
func isSelfSigned(shown *x509.Certificate) bool {
	return shown.CheckSignature(shown.SignatureAlgorithm, shown.RawTBSCertificate, shown.Signature) == nil &&
		bytes.Equal(shown.RawIssuer, shown.RawSubject)
}

func host(name string, certificates ...*gatelodge.Certificate) *gatelodge.Host {
	return &gatelodge.Host{Name: gatelodge.Name(name), Certificates: certificates}
}

func serving(hosts ...*gatelodge.Host) *gatelodge.Snapshot {
	return &gatelodge.Snapshot{Hosts: gatelodge.HostMap(hosts...)}
}
