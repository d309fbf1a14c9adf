package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/deploy"
	"gatelodge.dev/kube/manifests"
	"gatelodge.dev/kube/objects"
	gatetls "gatelodge.dev/tls"
)

func demoCommand(std stdio) *cobra.Command {
	var (
		flags listenFlags
		ca    demoCA
		level = new(slog.LevelVar)
	)
	level.Set(slog.LevelWarn)
	command := &cobra.Command{
		Use:   "demo",
		Short: "Try the whole product on this machine; nothing else is needed",
		Long: `Demo runs the gateway with sample backends: an HTTP echo, a WebSocket echo, a
gRPC echo, a slow one and one that fails. It serves the manifests of
deploy/example from a folder that you can edit while it runs, with a wildcard
certificate of a temporary CA, and prints commands to try. Ctrl-C stops it and
removes the files that it wrote.

With --acme it orders the certificates from an ACME CA, such as Pebble, which
must resolve the demo's names at the demo's DNS server.`,
		Example: `  gatelodge demo
  gatelodge demo --https 127.0.0.1:9443 --dns 127.0.0.1:5300
  pebble -dnsserver 127.0.0.1:8053 &
  gatelodge demo --acme https://localhost:14000/dir --acme-ca test/certs/pebble.minica.pem`,
		Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if ca.roots != "" && ca.directory == "" {
				return usageError{errors.New("--acme-ca needs --acme")}
			}
			log := slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: level}))
			return demo(command.Context(), std, log, flags, ca)
		},
	}
	flags.add(command, true)
	command.Flags().StringVar(&ca.directory, "acme", "", "`URL` of the directory of an ACME CA to order certificates from")
	command.Flags().StringVar(&ca.roots, "acme-ca", "", "`FILE` of root certificates in PEM to verify the server of that CA")
	command.Flags().TextVar(level, "log-level", level, "`LEVEL` of the log: debug, info, warn or error")
	return command
}

// demoCA is the ACME CA that certificates are ordered from; empty for none.
type demoCA struct{ directory, roots string }

// demo runs the whole product on this machine until ctx ends.
func demo(ctx context.Context, std stdio, log *slog.Logger, flags listenFlags, ca demoCA) (err error) {
	dir, err := os.MkdirTemp("", "gatelodge-demo-")
	if err != nil {
		return fmt.Errorf("making a folder for the demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	folder := filepath.Join(dir, "manifests")
	caFile := filepath.Join(dir, "ca.pem")

	ports, err := startBackends(ctx)
	if err != nil {
		return fmt.Errorf("starting the sample backends: %w", err)
	}
	err = errors.Join(
		copyExamples(folder),
		os.WriteFile(filepath.Join(folder, "broken.yaml"), demoBroken, 0o600),
		writeEndpoints(filepath.Join(folder, "endpoints.yaml"), ports))
	if ca.directory == "" {
		err = errors.Join(err, writeCertificates(caFile, filepath.Join(folder, "wildcard-certificate.yaml")))
	}
	if err != nil {
		return fmt.Errorf("preparing the demo: %w", err)
	}
	cfg, err := demoConfig(flags, ca)
	if err != nil {
		return err
	}
	g := newGateway(cfg, manifests.NewFolder(folder, log), std.out, log)
	if ca.directory != "" {
		if err := g.keepIn(ctx, filepath.Join(dir, "state")); err != nil {
			return err
		}
	}
	g.onServing = func() {
		guide{g: g, ca: caFile, acme: ca.directory, manifests: folder, admin: flags.admin}.print(std.out)
	}
	return g.run(ctx, flags.admin)
}

// demoConfig is deploy/gateway.yaml, changed for this machine: the flags set the
// listeners, and names resolve to loopback. Certificates are wildcards from the
// ACME CA or the throw-away CA.
func demoConfig(flags listenFlags, ca demoCA) (*config, error) {
	text, err := deploy.Files.ReadFile("gateway.yaml")
	if err != nil {
		return nil, err
	}
	cfg, err := parseConfig(text, "deploy/gateway.yaml")
	if err != nil {
		return nil, err
	}
	cfg.override(flags.http, flags.https, flags.dns)
	if err := cfg.publishAsBound(); err != nil {
		return nil, err
	}
	loopback := []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	for i := range cfg.Kube.Views {
		cfg.Kube.Views[i].Addresses = loopback
	}
	cfg.Kube.DNSAddresses = loopback
	cfg.Kube.LoopbackEndpoints = true
	if ca.directory == "" {
		cfg.Kube.DefaultCertificates = []objects.Key{demoCertificate}
	} else {
		var asked fileConfig
		asked.setDefaults()
		asked.ACME.Directory, asked.ACME.CAFile, asked.ACME.Wildcards = ca.directory, ca.roots, []fileWildcard{{Name: "pke.example.com"}}
		r := &configReader{}
		cfg.Kube.ACME = r.acme(asked.ACME, cfg.Kube.Zones)
		if err := r.err(); err != nil {
			return nil, err
		}
	}
	settings := *cfg.Kube.Settings
	settings.Drain = gatelodge.Drain{Timeout: time.Second, Tunnels: time.Second}
	cfg.Kube.Settings = &settings
	return cfg, nil
}

// demoBroken is the manifest of a host that does not work.
//
//go:embed demo_broken.yaml
var demoBroken []byte

// demoCertificate names the Secret of the demo's wildcard certificate.
var demoCertificate = objects.Key{Namespace: "gatelodge", Name: "wildcard"}

func copyExamples(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	examples, err := fs.Sub(deploy.Files, "example")
	if err != nil {
		return err
	}
	return fs.WalkDir(examples, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(examples, path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, path), text, 0o600)
	})
}

// writeEndpoints writes an EndpointSlice for each Service of the examples, as the
// control plane does for pods.
func writeEndpoints(file string, backends map[string]backendPort) error {
	var out bytes.Buffer
	for _, service := range demoServices {
		backend, ok := backends[service.backend]
		if !ok {
			return fmt.Errorf("no sample backend %q for Service %s/%s", service.backend, service.namespace, service.name)
		}
		ready := true
		tcp := corev1.ProtocolTCP
		text, err := yaml.Marshal(&discoveryv1.EndpointSlice{
			TypeMeta: metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"},
			ObjectMeta: metav1.ObjectMeta{
				Namespace: service.namespace,
				Name:      service.name + "-demo",
				Labels:    map[string]string{discoveryv1.LabelServiceName: service.name},
			},
			AddressType: discoveryv1.AddressTypeIPv4,
			Endpoints: []discoveryv1.Endpoint{{
				Addresses:  []string{"127.0.0.1"},
				Conditions: discoveryv1.EndpointConditions{Ready: &ready},
			}},
			Ports: []discoveryv1.EndpointPort{{Name: &service.port, Port: &backend.port, Protocol: &tcp}},
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "---\n%s", text)
	}
	return os.WriteFile(file, out.Bytes(), 0o600)
}

// writeCertificates makes a CA for this run, and writes its certificate, for
// clients, and a Secret with a wildcard certificate that it issued.
func writeCertificates(caFile, secretFile string) error {
	authority, err := gatetls.NewAuthority("Gatelodge demo CA")
	if err != nil {
		return err
	}
	chain, key, err := authority.Issue(demoNames, 7*24*time.Hour)
	if err != nil {
		return err
	}
	secret, err := yaml.Marshal(&corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: demoCertificate.Namespace, Name: demoCertificate.Name},
		Type:       corev1.SecretTypeTLS,
		Data:       map[string][]byte{corev1.TLSCertKey: chain, corev1.TLSPrivateKeyKey: key, "ca.crt": authority.CertificatePEM()},
	})
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(caFile, authority.CertificatePEM(), 0o600),
		os.WriteFile(secretFile, secret, 0o600),
	)
}

// demoNames are the names in the demo's certificate: a wildcard for each domain
// in which the examples have hosts.
var demoNames = []gatelodge.Name{
	"*.pke.example.com",
	"*.shop.pke.example.com",
	"*.preview.shop.pke.example.com",
	"*.marketing.pke.example.com",
	"*.docs.marketing.pke.example.com",
	"*.docs.pke.example.com",
}

// demoServices map each Service of the examples to its sample backend.
var demoServices = []struct{ namespace, name, port, backend string }{
	{"shop", "echo", "http", "echo"},
	{"shop", "chat", "http", "chat"},
	{"shop", "grpc", "grpc", "grpc"},
	{"docs", "handbook", "http", "echo"},
	{"marketing", "report", "http", "echo"},
	{"marketing", "slow", "http", "slow"},
	{"marketing", "failing", "http", "failing"},
	{"marketing", "down", "http", "down"},
}
