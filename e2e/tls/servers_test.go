//go:build debian

package tls_test

import (
	"crypto/tls"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatelodge.dev/e2e/process"
	"gatelodge.dev/e2e/undertest"
)

const host = "web.example.test"

func TestMain(m *testing.M) { os.Exit(undertest.Main(m.Run)) }

// site is the certificate that both servers show, also in PEM files, with its CA.
type site struct {
	pair                 *undertest.KeyPair
	ca, certificate, key string
}

func newSite(t *testing.T) *site {
	t.Helper()
	ca, dir := undertest.NewCA(t, "e2e CA"), t.TempDir()
	s := &site{ca.Server(t, host), filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	for file, pem := range map[string][]byte{s.ca: ca.Certificate, s.certificate: s.pair.Certificate, s.key: s.pair.Key} {
		undertest.WriteFile(t, file, string(pem))
	}
	return s
}

// startGateway runs "gatelodge serve" with the site's certificate, and returns
// where it speaks TLS.
func startGateway(t *testing.T, s *site) string {
	t.Helper()
	dir, g := t.TempDir(), undertest.New(t)
	config := filepath.Join(dir, "gateway.yaml")
	undertest.WriteFile(t, config, fmt.Sprintf(`
ingress: {withoutClass: true}
listeners: [{name: https, protocol: HTTPS, address: %q}]
hsts: max-age=31536000
drain: {delay: 0s, timeout: 1s, tunnels: 1s}
`, g.HTTPS))
	manifests := filepath.Join(dir, "manifests")
	if err := os.Mkdir(manifests, 0o700); err != nil {
		t.Fatal(err)
	}
	undertest.WriteFile(t, filepath.Join(manifests, "web.yaml"), s.pair.Secret("shop", "web")+strings.ReplaceAll(`---
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
`, "HOST", host))
	g.Run("serve", "--config", config, "--manifests", manifests, "--admin", g.Admin)
	awaitCertificate(t, g.Name, g.HTTPS, g)
	return g.HTTPS
}

// startNginx runs an nginx that is set up as Mozilla's guide "intermediate" has
// it (https://wiki.mozilla.org/Security/Server_Side_TLS), and answers like the
// gateway: that there is no backend.
func startNginx(t *testing.T, s *site) string {
	t.Helper()
	dir, address := t.TempDir(), undertest.FreeAddress(t)
	file := filepath.Join(dir, "nginx.conf")
	undertest.WriteFile(t, file, strings.NewReplacer("DIR", dir, "ADDRESS", address, "CERT", s.certificate, "KEY", s.key).Replace(`
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
	path, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatal(err)
	}
	nginx := &process.Process{Name: "nginx", Path: path, Args: []string{"-e", "stderr", "-c", file}, Log: filepath.Join(dir, "log")}
	nginx.Run(t)
	awaitCertificate(t, nginx.Name, address, nginx)
	return address
}

// awaitCertificate waits until a server shows the certificate of the site.
func awaitCertificate(t *testing.T, name, address string, server undertest.Runner) {
	t.Helper()
	undertest.Await(t, name+" to show the certificate", func() error {
		conn, err := tls.Dial("tcp", address, &tls.Config{ServerName: host, InsecureSkipVerify: true})
		if err != nil {
			return err
		}
		defer conn.Close()
		if shown := conn.ConnectionState().PeerCertificates[0]; shown.Subject.CommonName != host {
			return fmt.Errorf("it shows one for %v", shown.DNSNames)
		}
		return nil
	}, server)
}
