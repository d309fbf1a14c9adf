package acme_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"gatelodge.dev/e2e/pebble"
)

// TestAdoptAutocert: what an autocert.Manager got from the CA is served and kept without
// an order, and so is its account. The one certificate that the CA wants to be renewed
// is ordered once, as a replacement, and after that the folder is not needed any more.
func TestAdoptAutocert(t *testing.T) {
	t.Parallel()
	const host = "app.example.net"
	s := newSite(t, pebble.Options{})
	folder := filepath.Join(s.dir, "autocert")
	ecdsa, rsa := s.autocert(folder, host, onlyECDSA), s.autocert(folder, host, onlyRSA)
	account := s.accountIn(folder)
	before, _ := s.proxy.Orders()
	now := time.Now()
	s.ca.SetRenewalWindow(t, rsa, now.Add(-time.Hour), now.Add(-time.Minute), "https://ca.example/why")
	release := make(chan struct{})
	var mu sync.Mutex
	var replaced []string // what each order says that it replaces, after its name
	s.proxy.SetFault(func(step pebble.Step) error {
		if step.Kind != pebble.NewOrder || step.After {
			return nil
		}
		mu.Lock()
		replaced = append(replaced, step.Name+" "+step.Replaces)
		mu.Unlock()
		select {
		case <-release:
		case <-t.Context().Done():
		}
		return nil
	})

	s.configure("keyType: ecdsa-p256,rsa-2048", "adopt: {autocert: "+folder+"}")
	s.ask(host)
	s.start()
	s.Await("the certificates of the folder", func() error { return errors.Join(s.shows(ecdsa, onlyECDSA), s.shows(rsa, onlyRSA)) })
	s.Await("both to be kept", func() error {
		if kept := strings.Count(s.Stderr.String(), "adopted a certificate"); kept != 2 {
			return fmt.Errorf("%d certificates are kept", kept)
		}
		return nil
	})
	s.AwaitLog("adopted an ACME account")
	if !strings.Contains(s.Stderr.String(), "account="+account) {
		t.Errorf("the account is another than autocert's, %s", account)
	}
	if good, failed := s.proxy.Orders(); good != before {
		t.Errorf("%d orders were placed and %d failed, want none before the renewal", good-before, failed)
	}

	close(release)
	s.Await("the renewal", func() error {
		if s.shows(rsa, onlyRSA) == nil {
			return errors.New("the first certificate is shown still")
		}
		return s.getsKey(host, onlyRSA, x509.RSA)
	})
	s.Stop()
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	s.configure("keyType: ecdsa-p256,rsa-2048")
	s.start()
	s.Await("the certificates without the folder", func() error { return errors.Join(s.shows(ecdsa, onlyECDSA), s.getsKey(host, onlyRSA, x509.RSA)) })
	good, failed := s.proxy.Orders() // each that failed is ordered again, which the CA may not take for a replacement
	if good != before+1 {
		t.Errorf("%d orders succeeded, want that of the renewal alone", good-before)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(replaced) == 0 || strings.TrimPrefix(replaced[0], host+" ") == "" || len(slices.Compact(replaced)) > 1+2*failed {
		t.Errorf("ordered was %q, of which %d failed, want replacements of one certificate", replaced, failed)
	}
}

// autocert has an autocert.Manager get a certificate for a client that offers cipher
// suites, in the gateway's place and into a folder.
func (s *site) autocert(folder, name string, suites []uint16) (leaf *x509.Certificate) {
	s.t.Helper()
	s.Await("autocert's certificate for "+name, func() (err error) {
		// Another one for each attempt, because one that has failed waits for a minute.
		m := &autocert.Manager{
			Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(folder), HostPolicy: autocert.HostWhitelist(name),
			Client: &acme.Client{DirectoryURL: s.proxy.Directory, HTTPClient: s.trusting()},
		}
		listener, err := tls.Listen("tcp", s.HTTPS, m.TLSConfig())
		if err != nil {
			return err
		}
		server := &http.Server{ReadHeaderTimeout: time.Minute}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		defer func() {
			server.Close()
			<-served
		}()
		pair, err := m.GetCertificate(&tls.ClientHelloInfo{ServerName: name, CipherSuites: suites})
		if err == nil {
			leaf, err = x509.ParseCertificate(pair.Certificate[0])
		}
		return err
	})
	return leaf
}

// trusting is a client that trusts the CA's API.
func (s *site) trusting() *http.Client {
	s.t.Helper()
	roots, err := os.ReadFile(s.ca.RootsFile())
	if err != nil {
		s.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(roots)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
}

// accountIn returns the URL of the account whose key a folder of autocert holds.
func (s *site) accountIn(folder string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "acme_account+key"))
	if err != nil {
		s.t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		s.t.Fatal("autocert's account key is not PEM")
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		s.t.Fatal(err)
	}
	client := acme.Client{Key: key, DirectoryURL: s.proxy.Directory, HTTPClient: s.trusting()}
	account, err := client.GetReg(s.t.Context(), "")
	if err != nil {
		s.t.Fatal(err)
	}
	return account.URI
}

// shows returns an error unless a client that offers cipher suites is shown exactly
// this certificate.
func (s *site) shows(want *x509.Certificate, suites []uint16) error {
	leaf, err := s.Handshake(&tls.Config{ServerName: want.DNSNames[0], RootCAs: s.Roots, MaxVersion: tls.VersionTLS12, CipherSuites: suites})
	if err == nil && !leaf.Equal(want) {
		err = fmt.Errorf("another certificate is shown for %s", want.DNSNames[0])
	}
	return err
}
