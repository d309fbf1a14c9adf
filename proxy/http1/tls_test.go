package http1_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/http1"
	"gatelodge.dev/proxy/wire"
)

// TestOverTLS: the engine works on a connection without a descriptor to wait on.
func TestOverTLS(t *testing.T) {
	client := newClient(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Path", r.URL.Path)
		io.Copy(w, r.Body)
	}), settings())
	addr := serveTLS(t, func(ex *exchange.Exchange) error {
		if ex.Scheme != "https" {
			t.Errorf("scheme %q over TLS", ex.Scheme)
		}
		return client.Do(ex)
	})

	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	for _, body := range []string{"", "hello", strings.Repeat("0123456789", 100_000)} {
		for range 3 {
			req, _ := http.NewRequest("POST", "https://"+addr+"/p", strings.NewReader(body))
			res, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || string(got) != body || res.Header.Get("X-Path") != "/p" {
				t.Errorf("got %d bytes back (%v), want %d", len(got), err, len(body))
			}
		}
	}
}

// TestTunnelOverTLS: what comes in records goes out in pieces as large, not byte by
// byte.
func TestTunnelOverTLS(t *testing.T) {
	const size = 100_000
	writes := make(chan int, 1)
	addr := serveTLS(t, func(ex *exchange.Exchange) error {
		tunnel, err := ex.Response.Tunnel("echo/1", nil)
		if err != nil {
			return err
		}
		defer tunnel.Close()
		var w countedWriter
		_, err = io.Copy(&w, tunnel)
		if w.bytes != size {
			t.Errorf("%d bytes arrived, want %d", w.bytes, size)
		}
		writes <- w.writes
		return err
	})
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, upgrade)
	_, _ = io.WriteString(c, strings.Repeat("x", size))
	_ = c.CloseWrite()
	if n := <-writes; n > 2*size/1000 { // crypto/tls begins with records of some 1400 bytes
		t.Errorf("%d writes for %d bytes", n, size)
	}
}

// countedWriter counts what is written to it.
type countedWriter struct{ writes, bytes int }

func (w *countedWriter) Write(p []byte) (int, error) {
	w.writes++
	w.bytes += len(p)
	return len(p), nil
}

// serveTLS runs a server on loopback until the test ends.
func serveTLS(t *testing.T, handler exchange.Handler) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http1.Server{Settings: always(settings()), Handler: handler}
	config := &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				info := infoOf(nc)
				info.TLS = &exchange.TLS{}
				s.ServeConn(t.Context(), tls.Server(wire.BelowTLS(nc), config), info)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.Close()
		conns.Wait()
	})
	return l.Addr().String()
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
