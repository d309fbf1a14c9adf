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
)

// TestOverTLS: the engine works on a connection without a descriptor to wait on.
func TestOverTLS(t *testing.T) {
	client := newClient(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Path", r.URL.Path)
		io.Copy(w, r.Body)
	}), settings())
	config := &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	s := &http1.Server{Settings: always(settings()), Handler: func(ex *exchange.Exchange) error {
		if ex.Scheme != "https" {
			t.Errorf("scheme %q over TLS", ex.Scheme)
		}
		return client.Do(ex)
	}}
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
				s.ServeConn(t.Context(), nc, info)
			})
		}
	})
	defer conns.Wait()
	defer s.Close()
	defer l.Close()

	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	for _, body := range []string{"", "hello", strings.Repeat("0123456789", 100_000)} {
		for range 3 {
			req, _ := http.NewRequest("POST", "https://"+l.Addr().String()+"/p", strings.NewReader(body))
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
