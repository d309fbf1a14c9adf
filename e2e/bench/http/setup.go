package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"embed"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"time"
)

//go:embed peers
var peerFiles embed.FS

// The hosts of the ordinary backend and of the one that speaks gRPC.
const (
	host     = "app.example.test"
	grpcHost = "grpc.example.test"
)

// bench is the folder that the peers live in, and the backends behind them.
type bench struct {
	dir                  string
	backend, http, https netip.AddrPort
	calls                netip.AddrPort // the backend that speaks gRPC
	ten                  netip.AddrPort // the port of the ten endpoints of which one is slow
	dns, admin           netip.AddrPort
	servers              []*exec.Cmd // the backends
	profile              string
}

// setUp builds Gatelodge, writes the peers' files and starts the backends.
func setUp(ctx context.Context) (*bench, error) {
	dir, err := os.MkdirTemp("", "gatelodge-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{dir: dir}
	for _, step := range []func(context.Context) error{b.build, b.addresses, b.write, b.startBackends} {
		if err := step(ctx); err != nil {
			b.close()
			return nil, err
		}
	}
	return b, nil
}

func (b *bench) close() {
	for _, server := range b.servers {
		end(server)
	}
	os.RemoveAll(b.dir)
}

func (b *bench) build(ctx context.Context) error {
	module, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "gatelodge.dev").Output()
	if err != nil {
		return fmt.Errorf("looking for gatelodge's module from this one: %w", err)
	}
	build := exec.CommandContext(ctx, "go", "build", "-C", strings.TrimSpace(string(module)), "-o", filepath.Join(b.dir, "gatelodge"), "./cmd/gatelodge")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("building gatelodge: %w", err)
	}
	return nil
}

// addresses picks ports that are free now.
func (b *bench) addresses(context.Context) error {
	for _, a := range []*netip.AddrPort{&b.backend, &b.calls, &b.ten, &b.http, &b.https, &b.dns, &b.admin} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer l.Close() // when all are picked, so that they differ
		*a = l.Addr().(*net.TCPAddr).AddrPort()
	}
	return nil
}

// write fills the templates in peers, which are named like the files that they
// become, and makes what these refer to.
func (b *bench) write(context.Context) error {
	certificate, key, err := keyPair()
	if err != nil {
		return err
	}
	files := map[string][]byte{
		"cert.pem": certificate, "key.pem": key, "both.pem": append(bytes.Clone(certificate), key...), "1m": make([]byte, mega), "json": jsonText(),
	}
	encoding := base64.StdEncoding
	values := map[string]any{
		"Dir": b.dir, "Backend": b.backend, "BackendPort": b.backend.Port(), "Calls": b.calls, "CallsPort": b.calls.Port(), "HTTP": b.http, "HTTPS": b.https,
		"Ten": tenAddresses(), "TenPort": b.ten.Port(),
		"Certificate": encoding.EncodeToString(certificate), "Key": encoding.EncodeToString(key),
	}
	templates, err := template.ParseFS(peerFiles, "peers/*")
	if err != nil {
		return err
	}
	for _, t := range templates.Templates() {
		var text bytes.Buffer
		if err := t.Execute(&text, values); err != nil {
			return err
		}
		files[t.Name()] = text.Bytes()
	}
	if err := os.Mkdir(filepath.Join(b.dir, "manifests"), 0o700); err != nil {
		return err
	}
	files["manifests/all.yaml"] = files["manifests.yaml"]
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(b.dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return os.Chmod(b.dir, 0o755) // nginx changes to another user where it is started by root
}

// keyPair makes a self-signed ECDSA P-256 certificate, in PEM.
func keyPair() (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host, grpcHost},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &private.PublicKey, private)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), nil
}

func (b *bench) startBackends(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for name, command := range map[string][]string{
		"backend": {"nginx", "-c", filepath.Join(b.dir, "backend.conf")},
		"calls":   {self, backendCommand, b.calls.String()},
		"ten":     {self, endpointsCommand, strconv.Itoa(int(b.ten.Port()))},
	} {
		server, err := b.start(ctx, loadCore, name, command...)
		if err != nil {
			return err
		}
		b.servers = append(b.servers, server)
	}
	return accepts(ctx, b.backend, b.calls, netip.AddrPortFrom(tenAddresses()[9], b.ten.Port()))
}
