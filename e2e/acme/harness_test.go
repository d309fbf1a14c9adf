// Package acme_test runs gateways on a folder of manifests beside Pebble, a strict
// ACME CA, which finds their names by asking their own DNS.
package acme_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatelodge.dev/e2e/pebble"
	"gatelodge.dev/e2e/undertest"
)

func TestMain(m *testing.M) { os.Exit(undertest.Main(m.Run, "pebble")) }

// site is a gateway, and the CA that it gets certificates from.
type site struct {
	*undertest.Gateway
	t     *testing.T
	dir   string
	ca    *pebble.CA
	proxy *pebble.Proxy
	zone  string // further keys of the zone

	further string // another zone; "": none
}

// newSite starts a CA that validates names at the gateway's listeners, and resolves
// those in example.test by its DNS. All other names are at 127.0.0.1.
func newSite(t *testing.T, options pebble.Options) *site {
	t.Helper()
	s := &site{Gateway: undertest.New(t), t: t, dir: t.TempDir()}
	s.ca = s.startCA(options)
	s.proxy = s.ca.Proxy(t)
	s.Roots = s.ca.Roots(t)
	if err := os.Mkdir(filepath.Join(s.dir, "manifests"), 0o700); err != nil {
		t.Fatal(err)
	}
	return s
}

// startCA starts another CA that validates names as the site's own does.
func (s *site) startCA(options pebble.Options) *pebble.CA {
	s.t.Helper()
	options.HTTPPort, options.TLSPort = pebble.Port(s.t, s.HTTP), pebble.Port(s.t, s.HTTPS)
	options.Zones = map[string]string{"example.test": s.DNS}
	if options.Addresses == nil {
		options.Addresses = make(map[string]string)
	}
	options.Addresses["*"] = "127.0.0.1"
	return pebble.Start(s.t, options)
}

// configure writes the configuration; acme are further keys of that section.
func (s *site) configure(acme ...string) {
	s.t.Helper()
	zones := fmt.Sprintf("{name: example.test, nameservers: [ns1]%s}", s.zone)
	if s.further != "" {
		s.ca.Resolver.SetZone(s.further, s.DNS)
		zones += fmt.Sprintf(", {name: %s, nameservers: [ns1]}", s.further)
	}
	s.write("gateway.yaml", fmt.Sprintf(`
ingress: {withoutClass: true}
listeners:
- {name: http, protocol: HTTP, address: ":%d"}
- {name: https, protocol: HTTPS, address: %q}
- {name: dns, protocol: DNS, address: %q, view: default}
views: [{name: default, addresses: [127.0.0.1]}]
dns:
  addresses: [127.0.0.1]
  zones: [%s]
state: %s
drain: {delay: 0s, timeout: 1s, tunnels: 1s}
acme:
  directory: %s
  caFile: %s
  %s
`, pebble.Port(s.t, s.HTTP), s.HTTPS, s.DNS, zones, filepath.Join(s.dir, "state"), s.proxy.Directory, s.ca.RootsFile(), strings.Join(acme, "\n  ")))
}

// write puts text into a file below the site's folder.
func (s *site) write(name, text string) {
	s.t.Helper()
	undertest.WriteFile(s.t, filepath.Join(s.dir, name), text)
}

// ask writes an Ingress for each host, which asks for TLS.
func (s *site) ask(hosts ...string) {
	s.t.Helper()
	wanted := make([]asked, len(hosts))
	for i, host := range hosts {
		wanted[i].host = host
	}
	s.askFor(wanted...)
}

// asked is what an Ingress asks of the CA for a host; "" leaves it open.
type asked struct{ host, keyType, profile string }

// askFor is ask with annotations that say what is asked of the CA.
func (s *site) askFor(hosts ...asked) {
	s.t.Helper()
	var text strings.Builder
	for i, a := range hosts {
		annotations := make(map[string]string)
		if a.keyType != "" {
			annotations["gatelodge.dev/acme-key-type"] = a.keyType
		}
		if a.profile != "" {
			annotations["gatelodge.dev/acme-profile"] = a.profile
		}
		inline, err := json.Marshal(annotations)
		if err != nil {
			s.t.Fatal(err)
		}
		fmt.Fprintf(&text, `---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: shop, name: host-%d, annotations: %s}
spec:
  rules: [{host: %q, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
  tls: [{hosts: [%q]}]
`, i, inline, a.host, a.host)
	}
	s.write("manifests/hosts.yaml", text.String())
}

// start runs the gateway until the test ends.
func (s *site) start() {
	s.t.Helper()
	s.Run("serve", "--manifests", filepath.Join(s.dir, "manifests"),
		"--config", filepath.Join(s.dir, "gateway.yaml"), "--admin", s.Admin)
	s.AwaitReady()
}

// accepted returns an error until clients accept the certificates of all names.
func (s *site) accepted(names ...string) error {
	for _, name := range names {
		if _, err := s.Accepted(name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// problems returns the problems as operators see them.
func (s *site) problems() (string, error) { return s.Page("/api/problems") }

// told returns an error unless the problems contain all texts.
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
