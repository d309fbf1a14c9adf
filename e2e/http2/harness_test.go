//go:build debian

package http2_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatelodge.dev/e2e/programs"
	"gatelodge.dev/e2e/undertest"
)

func TestMain(m *testing.M) {
	os.Exit(undertest.Main(m.Run, "h2spec", "grpc-interop-client", "grpc-interop-server"))
}

// program returns the path of one that TestMain has built.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := programs.Build(context.Background(), os.Stderr, name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// host has a certificate. So has localhost, which is what some clients name in
// clear text.
const host = "web.example.test"

// site is a gateway with one backend.
type site struct {
	*undertest.Gateway
	ca string // file of the CA that its certificate is from
}

// newSite starts a gateway that sends everything to the endpoint at an address of
// the loopback interface, and speaks the protocol with it that the annotation
// backend-protocol names.
func newSite(t *testing.T, protocol, endpoint string) *site {
	t.Helper()
	_, port, err := net.SplitHostPort(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	ca, dir := undertest.NewCA(t, "e2e CA"), t.TempDir()
	s := &site{Gateway: undertest.New(t), ca: filepath.Join(dir, "ca.pem")}
	undertest.WriteFile(t, s.ca, string(ca.Certificate))
	s.Roots = ca.Pool()
	config := filepath.Join(dir, "gateway.yaml")
	undertest.WriteFile(t, config, "ingress: {withoutClass: true}\ndrain: {delay: 0s, timeout: 1s, tunnels: 1s}\n")
	manifests := filepath.Join(dir, "manifests")
	if err := os.Mkdir(manifests, 0o700); err != nil {
		t.Fatal(err)
	}
	text := ca.Server(t, host, "localhost").Secret("shop", "web")
	for name, rule := range map[string]string{"web": "host: " + host, "local": "host: localhost", "any": ""} {
		if rule != "" {
			rule += "\n    "
		}
		text += fmt.Sprintf(`---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: %s, namespace: shop, annotations: {gatelodge.dev/backend-protocol: %s, gatelodge.dev/ssl-redirect: "false"}}
spec:
  tls: [{hosts: [%s, localhost], secretName: web}]
  rules:
  - %shttp: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
`, name, protocol, host, rule)
	}
	text += strings.ReplaceAll(`---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{name: web, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: web, port: PORT, protocol: TCP}]
endpoints: [{addresses: [127.0.0.1], conditions: {ready: true}}]
`, "PORT", port)
	undertest.WriteFile(t, filepath.Join(manifests, "all.yaml"), text)
	s.Run(append(s.Flags(), "serve", "--config", config, "--manifests", manifests)...)
	s.AwaitReady()
	return s
}

// portOf is that of an address.
func portOf(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// awaitServer waits until a server accepts connections.
func awaitServer(t *testing.T, address string, server undertest.Runner) {
	t.Helper()
	undertest.Await(t, "connections to be accepted at "+address, func() error {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err
	}, server)
}
