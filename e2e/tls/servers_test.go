//go:build debian

package tls_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatelodge.dev/e2e/process"
	"gatelodge.dev/e2e/undertest"
)

const host = "web.example.test"

// binary is the gatelodge program under test, built by TestMain.
var binary string

func TestMain(m *testing.M) { os.Exit(undertest.Main(m, &binary)) }

// site is the certificate that both servers show, in PEM files.
type site struct{ certificate, key string }

func newSite(t *testing.T) *site {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &site{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	write(t, s.certificate, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, s.key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	return s
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// startGateway runs "gatelodge serve" with the site's certificate, and returns
// where it speaks TLS.
func startGateway(t *testing.T, s *site) string {
	t.Helper()
	dir, address := t.TempDir(), freeAddress(t)
	encoded := func(file string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(text)
	}
	write(t, filepath.Join(dir, "gateway.yaml"), fmt.Sprintf(`
ingress: {withoutClass: true}
listeners: [{name: https, protocol: HTTPS, address: %q}]
hsts: max-age=31536000
drain: {delay: 0s, timeout: 1s, tunnels: 1s}
`, address))
	manifests := filepath.Join(dir, "manifests")
	if err := os.Mkdir(manifests, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(manifests, "web.yaml"), strings.NewReplacer("HOST", host, "CERT", encoded(s.certificate), "KEY", encoded(s.key)).Replace(`
apiVersion: v1
kind: Secret
metadata: {name: web, namespace: shop}
type: kubernetes.io/tls
data: {tls.crt: CERT, tls.key: KEY}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  tls: [{secretName: web}]
  rules:
  - host: HOST
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 80}]}
`))
	serve(t, address, "gatelodge", binary, "serve", "--config", filepath.Join(dir, "gateway.yaml"), "--manifests", manifests, "--admin", freeAddress(t))
	return address
}

// startNginx runs an nginx that is set up as Mozilla's guide "intermediate" has
// it (https://wiki.mozilla.org/Security/Server_Side_TLS), and answers like the
// gateway: that there is no backend.
func startNginx(t *testing.T, s *site) string {
	t.Helper()
	dir, address := t.TempDir(), freeAddress(t)
	file := filepath.Join(dir, "nginx.conf")
	write(t, file, strings.NewReplacer("DIR", dir, "ADDRESS", address, "CERT", s.certificate, "KEY", s.key).Replace(`
master_process off;
worker_processes 1;
daemon off;
pid DIR/pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path DIR/body;
  proxy_temp_path DIR/proxy;
  fastcgi_temp_path DIR/fastcgi;
  uwsgi_temp_path DIR/uwsgi;
  scgi_temp_path DIR/scgi;
  server {
    listen ADDRESS ssl http2;
    ssl_certificate CERT;
    ssl_certificate_key KEY;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
    ssl_prefer_server_ciphers off;
    ssl_session_cache shared:sessions:1m;
    ssl_session_tickets off;
    server_tokens off;
    add_header Strict-Transport-Security "max-age=31536000" always;
    return 503;
  }
}
`))
	serve(t, address, "nginx", "nginx", "-e", "stderr", "-c", file)
	return address
}

// serve runs a program until the test ends, and waits until it shows the
// certificate of the site.
func serve(t *testing.T, address, name, path string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(path)
	if err != nil {
		t.Fatal(err)
	}
	p := &process.Process{Name: name, Path: path, Args: args, Log: filepath.Join(t.TempDir(), name+".log")}
	p.Start(t)
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("the end of %s's log:\n%s", name, p.Tail())
		}
	})
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := tls.Dial("tcp", address, &tls.Config{ServerName: host, InsecureSkipVerify: true})
		if err == nil {
			shown := conn.ConnectionState().PeerCertificates[0]
			conn.Close()
			if shown.VerifyHostname(host) == nil && shown.Subject.CommonName == host {
				return
			}
			err = fmt.Errorf("it shows a certificate for %v", shown.DNSNames)
		}
		if crash := p.Crashed(); crash != nil {
			t.Fatalf("%s: %v\n%s", name, crash, p.Tail())
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited for %s: %v", name, err)
		}
	}
}

// freeAddress returns a loopback address whose port nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
