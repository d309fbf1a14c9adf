// Package acme_test runs gateways from a folder against Pebble, a strict ACME
// CA, which finds them by asking their own DNS.
package acme_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatelodge.dev/e2e/pebble"
	"gatelodge.dev/e2e/undertest"
)

// binary is the program under test, built by TestMain.
var binary string

func TestMain(m *testing.M) { os.Exit(undertest.Main(m, &binary)) }

// site is a gateway and the CA that it gets certificates from.
type site struct {
	t     *testing.T
	dir   string
	http  string // addresses of the listeners
	https string
	dns   string
	admin string
	ca    *pebble.CA
	proxy *pebble.Proxy
	roots *x509.CertPool

	stdout, stderr undertest.Output
	process        *exec.Cmd
	exited         chan error
}

// newSite starts a CA that proves names at a gateway's listeners, and finds
// those in example.test by its DNS. All other names are at 127.0.0.1.
func newSite(t *testing.T, options pebble.Options) *site {
	t.Helper()
	free := undertest.FreeAddresses(t, 4)
	s := &site{t: t, dir: t.TempDir(), http: free[0], https: free[1], dns: free[2], admin: free[3]}
	options.HTTPPort, options.TLSPort = pebble.Port(t, s.http), pebble.Port(t, s.https)
	options.Zones = map[string]string{"example.test": s.dns}
	if options.Addresses == nil {
		options.Addresses = make(map[string]string)
	}
	options.Addresses["*"] = "127.0.0.1"
	s.ca = pebble.Start(t, options)
	s.proxy = s.ca.Proxy(t)
	s.roots = s.ca.Roots(t)
	if err := os.Mkdir(filepath.Join(s.dir, "manifests"), 0o700); err != nil {
		t.Fatal(err)
	}
	return s
}

// configure writes the configuration: acme has more keys of that part.
func (s *site) configure(acme ...string) {
	s.t.Helper()
	s.write("gateway.yaml", fmt.Sprintf(`
ingress: {withoutClass: true}
listeners:
- {name: http, protocol: HTTP, address: ":%d"}
- {name: https, protocol: HTTPS, address: %q}
- {name: dns, protocol: DNS, address: %q, view: default}
views: [{name: default, addresses: [127.0.0.1]}]
dns:
  addresses: [127.0.0.1]
  zones: [{name: example.test, nameservers: [ns1]}]
state: %s
drain: {delay: 0s, timeout: 1s, tunnels: 1s}
acme:
  directory: %s
  caFile: %s
  %s
`, pebble.Port(s.t, s.http), s.https, s.dns, filepath.Join(s.dir, "state"), s.proxy.Directory, s.ca.RootsFile(), strings.Join(acme, "\n  ")))
}

// write puts text into a file below the site's folder, which takes the place of
// the one before in one step.
func (s *site) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		s.t.Fatal(err)
	}
}

// ask writes an Ingress for each host that asks for TLS.
func (s *site) ask(hosts ...string) {
	s.t.Helper()
	var text strings.Builder
	for i, host := range hosts {
		fmt.Fprintf(&text, `---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: shop, name: host-%d}
spec:
  rules: [{host: %q, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
  tls: [{hosts: [%q]}]
`, i, host, host)
	}
	s.write("manifests/hosts.yaml", text.String())
}

// start runs the gateway until the test ends.
func (s *site) start() {
	s.t.Helper()
	s.run(exec.Command(binary, "serve", "--manifests", filepath.Join(s.dir, "manifests"),
		"--config", filepath.Join(s.dir, "gateway.yaml"), "--admin", s.admin))
}

// run runs a command of the gateway, and waits until it serves.
func (s *site) run(command *exec.Cmd) {
	s.t.Helper()
	s.process = command
	s.process.Stdout, s.process.Stderr = &s.stdout, &s.stderr
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.exited = make(chan error, 1)
	process, exited := s.process, s.exited
	go func() { exited <- process.Wait() }()
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.t.Logf("the gateway's log:\n%s", s.stderr.Tail(60))
		}
		s.stop()
	})
	s.await("the gateway to be ready", func() error {
		response, err := http.Get("http://" + s.admin + "/readyz")
		if err == nil {
			response.Body.Close()
			if response.StatusCode != http.StatusOK {
				err = fmt.Errorf("status %d", response.StatusCode)
			}
		}
		return err
	})
}

// stop ends the gateway as Kubernetes does.
func (s *site) stop() {
	if s.process == nil {
		return
	}
	s.process.Process.Signal(syscall.SIGTERM)
	if err := s.ended(); err != nil {
		s.t.Errorf("the gateway ended with %v\n%s", err, s.stderr.Tail(60))
	}
}

// kill ends the gateway as a crash does.
func (s *site) kill() {
	s.process.Process.Kill()
	_ = s.ended() // by the signal
}

// ended waits until the gateway has ended, and returns how.
func (s *site) ended() (err error) {
	select {
	case err = <-s.exited:
	case <-time.After(30 * time.Second):
		s.t.Error("the gateway did not end")
		s.process.Process.Kill()
		err = <-s.exited
	}
	s.process = nil
	return err
}

// await tries until there is no error, and fails the test after two minutes.
func (s *site) await(what string, try func() error) {
	s.t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("waited for %s: %v", what, err)
		}
	}
}

// shown returns the certificate that a client accepts for a name.
func (s *site) shown(name string) (*x509.Certificate, error) {
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: 5 * time.Second}, Config: &tls.Config{RootCAs: s.roots, ServerName: name}}
	conn, err := dialer.Dial("tcp", s.https)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

// accepted returns an error until clients accept the certificates of all names.
func (s *site) accepted(names ...string) error {
	for _, name := range names {
		if _, err := s.shown(name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// problems returns the problems as operators see them.
func (s *site) problems() (string, error) { return s.page("/api/problems") }

// page returns a page of the admin endpoint.
func (s *site) page(path string) (string, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, "GET", "http://"+s.admin+path, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

// told returns an error until the problems hold all texts.
func (s *site) told(texts ...string) error {
	problems, err := s.problems()
	if err != nil {
		return err
	}
	for _, text := range texts {
		if !strings.Contains(problems, text) {
			return fmt.Errorf("%q is not in %s", text, problems)
		}
	}
	return nil
}
