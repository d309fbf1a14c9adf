package api_test

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"gatelodge.dev/e2e/apiserver"
	"gatelodge.dev/e2e/undertest"
)

// startBackend answers HTTP with the path that was asked for, on the i-th
// address, and returns the Service "echo" with its EndpointSlice.
func startBackend(t *testing.T, namespace string, i int) (manifests string) {
	t.Helper()
	address := apiserver.Address(i).String()
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "8080"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.URL.Path)
	})}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return strings.NewReplacer("NAMESPACE", namespace, "ADDRESS", address).Replace(`
apiVersion: v1
kind: Service
metadata: {name: echo, namespace: NAMESPACE}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: echo-1, namespace: NAMESPACE, labels: {kubernetes.io/service-name: echo}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [ADDRESS]}]
`)
}

// ingress is an Ingress for HOST to the Service "echo", in the namespace shop.
func ingress(name, host, more string) string {
	return strings.NewReplacer("NAME", name, "HOST", host).Replace(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: NAME, namespace: shop}
spec:
  ingressClassName: gatelodge
  rules:
  - host: HOST
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: echo, port: {number: 80}}}}]}
`) + more
}

// tlsSecret returns the manifest of a Secret with a new certificate for host, and
// what clients have to trust to accept it.
func tlsSecret(t *testing.T, namespace, name, host string) (manifest string, roots *x509.CertPool) {
	t.Helper()
	ca := undertest.NewCA(t, "e2e CA")
	return ca.Server(t, host).Secret(namespace, name), ca.Pool()
}
