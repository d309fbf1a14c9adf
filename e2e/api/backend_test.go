package api_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatelodge.dev/e2e/apiserver"
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

// tlsSecret makes a certificate for host that is its own root, and the Secret
// of it.
func tlsSecret(t *testing.T, namespace, name, host string) (manifest string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: host},
		DNSNames:     []string{host},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(certificate)
	encode := func(kind string, der []byte) string {
		var text bytes.Buffer
		if err := pem.Encode(&text, &pem.Block{Type: kind, Bytes: der}); err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(text.Bytes())
	}
	return fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: %s}\ntype: kubernetes.io/tls\ndata: {tls.crt: %s, tls.key: %s}\n",
		name, namespace, encode("CERTIFICATE", der), encode("PRIVATE KEY", private)), roots
}
