// Package certmanager_test has cert-manager get certificates for Ingresses from
// Pebble, by HTTP-01 through a gateway, on a real Kubernetes API server, and has the
// gateway take them over.
package certmanager_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatelodge.dev/e2e/apiserver"
	"gatelodge.dev/e2e/namespace"
	"gatelodge.dev/e2e/pebble"
	"gatelodge.dev/e2e/process"
	"gatelodge.dev/e2e/programs"
	"gatelodge.dev/e2e/undertest"
)

// module names the variable that holds the folder of cert-manager's module.
const module = "GATELODGE_E2E_CERTMANAGER"

func TestMain(m *testing.M) {
	os.Exit(undertest.Main(func() int {
		if !namespace.Inside() {
			if err := findModule(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
		return apiserver.Main(m)
	}, "cert-manager", "pebble"))
}

// findModule finds cert-manager's module, which has its CRDs, while there is a
// network to get it from.
func findModule() error {
	download := exec.Command("go", "mod", "download", "-json", "github.com/cert-manager/cert-manager")
	download.Dir, download.Env = "../programs/certmanager", append(os.Environ(), "GOWORK=off")
	text, err := download.Output()
	var found struct{ Dir string }
	if err == nil {
		err = json.Unmarshal(text, &found)
	}
	if err != nil {
		return fmt.Errorf("finding cert-manager's module: %w", err)
	}
	return os.Setenv(module, found.Dir)
}

// site is a cluster with a gateway at the ports that CAs ask, cert-manager, and
// an Issuer "pebble" in the namespace shop.
type site struct {
	*undertest.Gateway
	cluster *apiserver.Cluster
	nodes   *kubelet
	zone    *updatedZone // not the gateway's
	ca      *pebble.CA
	proxy   *pebble.Proxy
	config  string // file

	certManager *process.Process
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{Gateway: undertest.New(t), cluster: apiserver.Start(t), zone: startUpdatedZone(t), config: filepath.Join(t.TempDir(), "gateway.yaml")}
	host := s.listenAt(0)
	// cert-manager asks our DNS whether the host is there. The CA waits for an answer for
	// two seconds only, and cert-manager an hour after that, so it has it from the test.
	s.ca = pebble.Start(t, pebble.Options{HTTPPort: 80, TLSPort: 443,
		Addresses: map[string]string{"*": host}, Zones: map[string]string{updatedName: s.zone.address}})
	s.proxy = s.ca.Proxy(t)
	s.Roots = s.ca.Roots(t)

	for _, file := range []string{"rbac.yaml", "example/ingressclass.yaml"} {
		s.cluster.Apply(t, read(t, filepath.Join("../../deploy", file)))
	}
	s.cluster.Apply(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")
	s.configure(t, "example.test", "")
	s.serve(t, "a")

	s.nodes = startKubelet(t, s.cluster, "shop")
	s.startCertManager(t)
	s.installIssuer(t)
	return s
}

// listenAt puts the gateway's listeners at the i-th address.
func (s *site) listenAt(i int) (host string) {
	host = apiserver.Address(i).String()
	s.HTTP, s.HTTPS, s.DNS = net.JoinHostPort(host, "80"), net.JoinHostPort(host, "443"), net.JoinHostPort(host, "53")
	return host
}

// configure writes the configuration with a zone and further keys.
func (s *site) configure(t *testing.T, zones, more string) {
	t.Helper()
	host := apiserver.Address(0).String()
	var list strings.Builder
	for _, zone := range strings.Fields(zones) {
		fmt.Fprintf(&list, "  - {name: %s, nameservers: [ns1]}\n", zone)
	}
	undertest.WriteFile(t, s.config, fmt.Sprintf(`
views: [{name: default, addresses: [%[1]s]}]
dns:
  addresses: [%[1]s]
  zones:
%[2]s
drain: {delay: 0s, timeout: 1s, tunnels: 1s}
%[3]s
`, host, &list, more))
}

// serve runs the gateway as a Pod until the test ends.
func (s *site) serve(t *testing.T, pod string) {
	t.Helper()
	s.Env = []string{"POD_NAME=" + pod, "POD_NAMESPACE=gatelodge"}
	s.Run(append([]string{"serve", "--config", s.config, "--kubeconfig", s.cluster.Kubeconfig(t, "gatelodge/gatelodge")}, s.Flags()...)...)
	s.AwaitReady()
}

// startCertManager runs cert-manager as the administrator, until the test ends.
// Its self-checks find hosts by our DNS, and the zone of a wildcard by that of the zone.
func (s *site) startCertManager(t *testing.T) {
	t.Helper()
	crds, err := filepath.Glob(filepath.Join(os.Getenv(module), "deploy/crds/*.yaml"))
	if err != nil || len(crds) == 0 {
		t.Fatalf("cert-manager's module has no CRDs: %v", err)
	}
	for _, file := range crds {
		s.cluster.Apply(t, read(t, file))
	}
	undertest.Await(t, "the API server to serve cert-manager's kinds", func() error {
		for group, kinds := range map[string]int{"cert-manager.io/v1": 4, "acme.cert-manager.io/v1": 2} {
			list, err := s.cluster.Client.Discovery().ServerResourcesForGroupVersion(group)
			if err != nil {
				return err
			}
			served := 0
			for _, r := range list.APIResources {
				if !strings.Contains(r.Name, "/") { // not a subresource
					served++
				}
			}
			if served != kinds {
				return fmt.Errorf("%s has %d kinds, want %d", group, served, kinds)
			}
		}
		return nil
	})
	path, err := programs.Build(t.Context(), os.Stderr, "cert-manager") // finds what Main built
	if err != nil {
		t.Fatal(err)
	}
	s.certManager = &process.Process{
		Name: "cert-manager", Path: path, Log: filepath.Join(t.ArtifactDir(), "cert-manager.log"),
		Args: []string{"-kubeconfig", s.cluster.Kubeconfig(t, "admin"), "-acme-http01-solver-nameservers", s.DNS, "-dns01-recursive-nameservers", s.zone.address},
	}
	s.certManager.Run(t)
}

// installIssuer makes an Issuer that proves hosts by HTTP-01, and those of the updated
// zone by DNS-01. There it does not check itself, after which it would wait a minute.
func (s *site) installIssuer(t *testing.T) {
	t.Helper()
	s.cluster.Apply(t, fmt.Sprintf(`
apiVersion: v1
kind: Secret
metadata: {name: update-key, namespace: shop}
stringData: {key: %[5]q}
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: pebble, namespace: shop}
spec:
  acme:
    server: %[1]s
    caBundle: %[2]s
    privateKeySecretRef: {name: pebble-account}
    solvers:
    - http01: {ingress: {ingressClassName: gatelodge}}
    - selector: {dnsZones: [%[3]s]}
      dns01:
        rfc2136: {nameserver: %[4]q, tsigKeyName: %[6]s, tsigAlgorithm: HMACSHA256, tsigSecretSecretRef: {name: update-key, key: key}}
      waitInsteadOfSelfCheck: 0s
`, s.proxy.Directory, base64.StdEncoding.EncodeToString([]byte(read(t, s.ca.RootsFile()))), updatedName, s.zone.address, updateSecret, updateKey))
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// badAnnotations returns the lines of the log about annotations of solvers'
// Ingresses. They may have other problems for a moment: cert-manager makes an
// Ingress twice when it sees the first one late, and deletes the Service first.
func (s *site) badAnnotations() (lines []string) {
	for line := range strings.Lines(s.Stderr.String()) {
		if strings.Contains(line, "Ingress shop/cm-acme-http-solver") && strings.Contains(line, "Annotation") {
			lines = append(lines, line)
		}
	}
	return lines
}
