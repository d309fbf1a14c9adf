package http2_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/http2"
	"gatelodge.dev/proxy/wire"
)

// TestBodyOverTLS: what comes in records is read in pieces as large, not byte by
// byte, wherever frames and records begin.
func TestBodyOverTLS(t *testing.T) {
	const frame, size = 10_000, 60_000
	config := &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}
	var reads atomic.Int64
	s := &http2.Server{Handler: func(x *exchange.Exchange) error {
		if n, err := io.Copy(io.Discard, x.Body); n != size || err != nil {
			t.Errorf("%d bytes arrived, want %d: %v", n, size, err)
		}
		return hello(x)
	}}
	addr := serveUnder(t, s, func(nc net.Conn) net.Conn {
		return countedReads{tls.Server(wire.BelowTLS(nc), config), &reads}
	})
	nc, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	p := greet(t, nc)
	p.headers(1, false, request("POST", "/")...)
	for sent := frame; sent <= size; sent += frame {
		_ = p.WriteData(1, sent == size, make([]byte, frame))
	}
	if got := p.expect(stream(1)); got != `1:200 1:"hello"!` {
		t.Fatalf("got %s", got)
	}
	if n := reads.Load(); n > 4*size/1000 { // crypto/tls begins with records of some 1400 bytes
		t.Errorf("%d reads for %d bytes", n, size)
	}
}

// countedReads counts the calls of Read.
type countedReads struct {
	*tls.Conn
	n *atomic.Int64
}

func (c countedReads) Read(p []byte) (int, error) {
	c.n.Add(1)
	return c.Conn.Read(p)
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
