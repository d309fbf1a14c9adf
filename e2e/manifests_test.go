package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"gatelodge.dev/e2e/undertest"
)

const classManifest = `---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: gatelodge}
spec: {controller: gatelodge.dev/ingress-controller}
`

// zoneConfig is a configuration with the zone of the tests. Its gateway ends at
// once when nothing is under way.
const zoneConfig = `apiVersion: gatelodge.dev/v1alpha1
kind: GatewayConfig
views: [{name: default, addresses: [192.0.2.10]}]
dns:
  addresses: [192.0.2.53]
  zones:
  - {name: pke.example.com, nameservers: [ns1], hostmaster: hostmaster@example.com}
drain: {delay: 0s, timeout: 10s, tunnels: 10s}
`

// ingress returns the manifest of an Ingress in namespace shop that sends all
// of host to service. A secret that is not empty is its TLS Secret.
func ingress(name, host, service, secret string) string {
	tls := ""
	if secret != "" {
		tls = fmt.Sprintf("\n  tls: [{hosts: [%q], secretName: %s}]", host, secret)
	}
	return fmt.Sprintf(`---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: %s, namespace: shop}
spec:
  ingressClassName: gatelodge%s
  rules:
  - host: %q
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: %s, port: {number: 80}}}}]}
`, name, tls, host, service)
}

// service returns the manifests of a Service in namespace shop whose endpoints
// are on these ports of 127.0.0.1.
func service(name string, ports ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `---
apiVersion: v1
kind: Service
metadata: {name: %s, namespace: shop}
spec: {ports: [{name: http, port: 80}]}
`, name)
	for i, port := range ports {
		fmt.Fprintf(&b, `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: %s-%d, namespace: shop, labels: {kubernetes.io/service-name: %s}}
addressType: IPv4
ports: [{name: http, port: %s, protocol: TCP}]
endpoints: [{addresses: [127.0.0.1], conditions: {ready: true}}]
`, name, i, name, port)
	}
	return b.String()
}

// tlsSecret returns the manifest of a Secret in namespace shop with a new
// certificate for names, and the certificate's serial number.
func tlsSecret(t *testing.T, ca *undertest.KeyPair, name string, names ...string) (manifest string, serial int64) {
	t.Helper()
	pair := ca.Server(t, names...)
	return pair.Secret("shop", name), pair.Leaf.SerialNumber.Int64()
}

// startBackend starts a backend that answers with its name, and echoes
// WebSocket messages, and returns its port.
func startBackend(t *testing.T, name string) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !websocket.IsWebSocketUpgrade(r) {
			io.WriteString(w, name)
			return
		}
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		for {
			kind, message, err := conn.ReadMessage()
			if err != nil || conn.WriteMessage(kind, message) != nil {
				return
			}
		}
	})}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}
