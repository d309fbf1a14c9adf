//go:build debian

package dns_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatelodge.dev/e2e/undertest"
)

const zone = "pke.example.com."

// config is the gateway's configuration: ADDRESS is where it listens, and
// RECORDS are more records of the zone.
const config = `
listeners:
- {name: http, protocol: HTTP, address: "ADDRESS:80"}
- {name: https, protocol: HTTPS, address: "ADDRESS:443"}
- {name: dns, protocol: DNS, address: "ADDRESS:53", view: default}
- {name: dot, protocol: DOT, address: "ADDRESS:853", view: default}
ingress: {withoutClass: true}
views: [{name: default, addresses: [198.18.0.80], owners: true}]
tls: {defaultCertificates: [gatelodge/wildcard]}
dns:
  addresses: [ADDRESS]
  zones:
  - name: pke.example.com
    nameservers: [ns1, ns2]
    hostmaster: hostmaster@example.com
    caa: ['0 issue "letsencrypt.org"']
    records: |
RECORDS
drain: {delay: 0s, timeout: 1s, tunnels: 1s}
`

// gateway is a gateway at an address of its own that serves a folder of manifests.
type gateway struct {
	*undertest.Gateway
	address   netip.Addr
	manifests string
}

// startGateway runs "gatelodge serve" at an address, with what settings adds to
// its configuration, until the test ends.
func startGateway(t *testing.T, address netip.Addr, settings string) *gateway {
	t.Helper()
	dir := t.TempDir()
	g := &gateway{Gateway: undertest.New(t), address: address, manifests: filepath.Join(dir, "manifests")}
	g.Admin = netip.AddrPortFrom(address, 9080).String()
	if err := os.Mkdir(g.manifests, 0o700); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("ADDRESS", address.String(), "RECORDS\n", records()+settings).Replace(config)
	file := filepath.Join(dir, "gateway.yaml")
	undertest.WriteFile(t, file, text)
	wildcard := undertest.NewCA(t, "e2e CA").Server(t, "*.pke.example.com")
	undertest.WriteFile(t, filepath.Join(g.manifests, "certificate.yaml"), wildcard.Secret("gatelodge", "wildcard"))
	g.publish(t, "app", "app.pke.example.com")
	g.publish(t, "star", "*.star.pke.example.com")
	g.publish(t, "deep", "one.below.nothing.pke.example.com")
	g.Run("serve", "--config", file, "--manifests", g.manifests, "--admin", g.Admin)
	g.AwaitReady()
	return g
}

// records are static ones: of every kind that takes its own way through a
// resolver, and RRsets that fit into no datagram, and barely into one.
func records() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "      "+format+"\n", args...) }
	line("alias IN CNAME app")
	line("outside IN CNAME www.example.com.")
	line("tree IN DNAME star")
	line("mail IN MX 10 app")
	line("_sip._tcp IN SRV 1 2 5060 app")
	for i := range 20 {
		line("big IN TXT %02d-%s", i, strings.Repeat("x", 200))
	}
	for i := range 4 {
		line("fits IN TXT %02d-%s", i, strings.Repeat("x", 240))
	}
	return b.String()
}

// publish writes the manifest of an Ingress for a host.
func (g *gateway) publish(t *testing.T, name, host string) {
	t.Helper()
	undertest.WriteFile(t, filepath.Join(g.manifests, name+".yaml"), fmt.Sprintf(`apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: %s, namespace: shop}
spec:
  rules:
  - host: %q
`, name, host))
}
