package pebble

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/e2e/process"
	"gatelodge.dev/e2e/programs"
	"gatelodge.dev/e2e/undertest"
	gatetls "gatelodge.dev/tls"
)

// Options say how a CA differs from a plain one.
type Options struct {
	HTTPPort, TLSPort int                      // where it proves names
	Zones             map[string]string        // DNS servers by the zone that they are asked for
	Addresses         map[string]string        // of names outside of the zones
	Validity          map[string]time.Duration // of certificates by profile; empty: 90 days
	BindingKeys       map[string]string        // base64url by identifier; empty: no external account binding is wanted
	Blocked           []string                 // names for which nothing is issued
	AtOnce            bool                     // it validates without waiting for up to 2 seconds first
}

// CA is a running Pebble.
type CA struct {
	Resolver *Resolver

	process    *process.Process
	address    string // host:port of its API
	management string
	client     *http.Client
	authority  *gatetls.Authority // of the API's certificates
	rootsFile  string
}

// Start starts a CA that ends with the test.
func Start(t testing.TB, options Options) *CA {
	t.Helper()
	dir := t.TempDir()
	path, err := programs.Build(t.Context(), os.Stderr, "pebble")
	if err != nil {
		t.Fatal(err)
	}
	authority, err := gatetls.NewAuthority("test of ACME")
	if err != nil {
		t.Fatal(err)
	}
	free := undertest.FreeAddresses(t, 2)
	c := &CA{
		authority: authority, address: free[0], management: free[1],
		rootsFile: filepath.Join(dir, "roots.pem"), Resolver: startResolver(t, options.Zones, options.Addresses),
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority.CertificatePEM())
	c.client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	chain, key := c.serverCertificate(t)
	for file, text := range map[string][]byte{
		c.rootsFile: authority.CertificatePEM(), filepath.Join(dir, "cert.pem"): chain, filepath.Join(dir, "key.pem"): key,
		filepath.Join(dir, "config.json"): c.config(t, dir, options),
	} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.process = &process.Process{
		Name: "pebble", Path: path, Log: filepath.Join(dir, "pebble.log"),
		Args: []string{"-config", filepath.Join(dir, "config.json"), "-strict", "-dnsserver", c.Resolver.Address},
		// A tenth of the nonces is refused, a validation waits up to 2 seconds,
		// and no proof counts for a second order.
		Env: []string{"PEBBLE_WFE_NONCEREJECT=10", "PEBBLE_VA_SLEEPTIME=3", "PEBBLE_AUTHZREUSE=0", "PEBBLE_ALTERNATE_ROOTS=1"},
	}
	if options.AtOnce {
		c.process.Env = append(c.process.Env, "PEBBLE_VA_NOSLEEP=1")
	}
	c.process.Run(t)
	undertest.Await(t, "Pebble to be ready", func() error {
		for _, page := range []string{c.url("/dir"), c.rootURL()} { // of two listeners
			response, err := c.client.Get(page)
			if err != nil {
				return err
			}
			response.Body.Close()
		}
		return nil
	}, c.process)
	return c
}

func (c *CA) config(t testing.TB, dir string, options Options) []byte {
	t.Helper()
	profiles := make(map[string]any)
	for name, validity := range options.Validity {
		profiles[name] = map[string]any{"description": name, "validityPeriod": int(validity / time.Second)}
	}
	if len(profiles) == 0 {
		profiles["default"] = map[string]any{"description": "default", "validityPeriod": 90 * 24 * 3600}
	}
	text, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": c.address, "managementListenAddress": c.management,
		"certificate": filepath.Join(dir, "cert.pem"), "privateKey": filepath.Join(dir, "key.pem"),
		"httpPort": options.HTTPPort, "tlsPort": options.TLSPort,
		"externalAccountBindingRequired": len(options.BindingKeys) > 0, "externalAccountMACKeys": options.BindingKeys,
		"domainBlocklist": options.Blocked, "profiles": profiles, "keyAlgorithm": "ecdsa",
		"retryAfter": map[string]int{"authz": 1, "order": 1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (c *CA) serverCertificate(t testing.TB) (chain, key []byte) {
	t.Helper()
	chain, key, err := c.authority.Issue([]gatelodge.Name{"localhost"}, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return chain, key
}

func (c *CA) url(path string) string { return localURL(c.address, path) }

func (c *CA) rootURL() string { return localURL(c.management, firstRoot) }

const firstRoot = "/roots/0"

// managed returns a page of the management interface.
func (c *CA) managed(t testing.TB, path string) []byte {
	t.Helper()
	response, err := c.client.Get(localURL(c.management, path))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// AlternateIssuer returns the common name of the root of the chain that the CA
// offers beside its own (RFC 8555 §7.4.2).
func (c *CA) AlternateIssuer(t testing.TB) string {
	t.Helper()
	text := c.managed(t, "/roots/1")
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("no certificate: %.200q", text)
	}
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return root.Subject.CommonName
}

// localURL names the host that the API's certificate is for.
func localURL(address, path string) string {
	_, port, _ := net.SplitHostPort(address)
	return "https://localhost:" + port + path
}

// RootsFile is the path of the CAs that certify the API.
func (c *CA) RootsFile() string { return c.rootsFile }

// Roots returns the root of what the CA issues.
func (c *CA) Roots(t testing.TB) *x509.CertPool {
	t.Helper()
	text := c.managed(t, firstRoot)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(bytes.TrimSpace(text)) {
		t.Fatalf("Pebble shows no root: %q", text)
	}
	return pool
}

// SetRenewalWindow has the CA want a certificate to be renewed within a window (RFC
// 9773), for a reason that stands at a URL.
func (c *CA) SetRenewalWindow(t testing.TB, certificate *x509.Certificate, from, to time.Time, because string) {
	t.Helper()
	info, err := json.Marshal(map[string]any{"suggestedWindow": map[string]time.Time{"start": from, "end": to}, "explanationURL": because})
	if err != nil {
		t.Fatal(err)
	}
	request, err := json.Marshal(map[string]string{
		"certificate": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})), "ariResponse": string(info),
	})
	if err != nil {
		t.Fatal(err)
	}
	response, err := c.client.Post(localURL(c.management, "/set-renewal-info/"), "application/json", bytes.NewReader(request))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("Pebble takes no renewal window: %s", response.Status)
	}
}

// Port returns the port of an address.
func Port(t testing.TB, address string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
