//go:build debian

package cluster_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatelodge.dev/e2e/undertest"
)

// zoneConfig is what a user says in the configuration to have a zone, with the
// certificate of a company's own CA.
const zoneConfig = `dns:
  zones: [{name: pke.example.com, nameservers: [ns1, ns2], hostmaster: hostmaster@example.com}]
tls: {defaultCertificates: [%s/wildcard]}
`

// TestApplied: once install.yaml is applied and the company's DNS server delegates
// the zone, an application is at its name, over HTTPS, at an address that answers
// ARP.
func TestApplied(t *testing.T) {
	installMetalLB(t)
	t.Cleanup(func() { kubectl(t, "delete", "-f", install, "--ignore-not-found") })
	restrictedNamespace(t, "gatelodge")
	ca := newAuthority(t)
	ca.applyWildcard(t, "gatelodge", "pke.example.com")
	kubectl(t, "apply", "-f", install)
	kubectl(t, "-n", "gatelodge", "patch", "configmap", "gatelodge-config", "--type=merge", "-p",
		fmt.Sprintf(`{"data": {"gateway.yaml": %q}}`, `apiVersion: gatelodge.dev/v1alpha1
kind: GatewayConfig
views: [{name: default, service: gatelodge/gatelodge}]
`+fmt.Sprintf(zoneConfig, "gatelodge")))
	awaitRollout(t, "gatelodge", "gatelodge")
	startBackend(t, "shop", "gatelodge", "app.pke.example.com")

	address := serviceAddress(t, "gatelodge", "gatelodge")
	startCompanyDNS(t, serviceAddress(t, "gatelodge", "gatelodge-dns"))
	if by := announcer(t, address); by == "" {
		t.Errorf("%s is announced by no node", address)
	}
	wantApp(t, client, ca, address)
	wantSpread(t, "gatelodge", "gatelodge")
	wantExplained(t, "app.pke.example.com")
}

// wantExplained wants gatelodge explain to find the host in order by asking a pod.
func wantExplained(t *testing.T, host string) {
	t.Helper()
	program := filepath.Join(os.Getenv(folder), "gatelodge-0")
	out, err := control.run(t.Context(), program, "explain", "--kubeconfig", kubernetes.kubeconfig("admin"), "https://"+host+"/")
	if err != nil || !strings.Contains(out, "shop/app") {
		t.Errorf("explain says %v\n%s", err, out)
	}
}

// TestRouted: an address that MetalLB announces by BGP is used from another
// network, through the router.
func TestRouted(t *testing.T) {
	installMetalLB(t)
	restrictedNamespace(t, "edge")
	ca := newAuthority(t)
	ca.applyWildcard(t, "edge", "pke.example.com")
	helmInstall(t, "edge", "gatelodge", values(zoneConfig, "edge")+"services: {pool: bgp}\n")
	startBackend(t, "shop", "gatelodge", "app.pke.example.com")

	address := serviceAddress(t, "edge", "gatelodge")
	if !netip.MustParsePrefix("198.19.0.0/24").Contains(netip.MustParseAddr(address)) {
		t.Fatalf("the address is %s, want one of the pool that is routed", address)
	}
	// Both nodes have a pod, so both announce the address.
	undertest.AwaitWithin(t, startTime, "the router to have a way over each node", func() error {
		routes, err := router.run(t.Context(), "ip", "route", "show", address)
		for _, n := range nodes {
			if err == nil && !strings.Contains(routes, "via "+n.address.String()) {
				err = fmt.Errorf("no route over %s: %s", n.name, routes)
			}
		}
		return err
	})
	startCompanyDNS(t, serviceAddress(t, "edge", "gatelodge-dns"))
	wantApp(t, office, ca, address)
}

// values are those of the chart with a configuration for fmt.
func values(config string, args ...any) string {
	text := strings.TrimSuffix(fmt.Sprintf(config, args...), "\n")
	return "config:\n  " + strings.ReplaceAll(text, "\n", "\n  ") + "\n"
}

// announcer returns the node that answers for an address of the LAN.
func announcer(t *testing.T, address string) (node string) {
	t.Helper()
	undertest.AwaitWithin(t, startTime, address+" to answer ARP", func() error {
		out, err := client.run(t.Context(), "arping", "-c", "1", "-w", "1", "-I", "eth0", address)
		if err != nil {
			return err
		}
		mac := regexp.MustCompile(`\[([0-9A-Fa-f:]+)\]`).FindStringSubmatch(out)
		if mac == nil {
			return fmt.Errorf("no answer in %s", out)
		}
		for _, n := range nodes {
			link, err := n.run(context.Background(), "ip", "link", "show", "eth0")
			if err == nil && strings.Contains(link, strings.ToLower(mac[1])) {
				node = n.name
			}
		}
		return nil
	})
	return node
}

// wantApp wants the application to answer a host by the name that the company's
// DNS server finds.
func wantApp(t *testing.T, from host, ca *authority, address string) {
	t.Helper()
	undertest.AwaitWithin(t, startTime, "the name to be found", func() error {
		out, err := from.run(t.Context(), "dig", "@"+corp.address.String(), "+short", "+tries=1", "+time=2", "app.pke.example.com", "A")
		if err == nil && strings.TrimSpace(out) != address {
			err = fmt.Errorf("it has %q, want %s", out, address)
		}
		return err
	})
	// resolv.conf names the company's DNS server, so curl goes the way of every
	// client.
	var out string
	undertest.AwaitWithin(t, startTime, "the application to answer", func() (err error) {
		out, err = from.run(t.Context(), "curl", "--silent", "--show-error", "--max-time", "30", "--cacert", ca.file, "https://app.pke.example.com/cart")
		return err
	})
	// Under the traffic policy Local, the default, the application sees the client's
	// address.
	if want := "host=app.pke.example.com path=/cart client=" + from.address.String(); !strings.Contains(out, want) {
		t.Errorf("the application answered %q, want %q", out, want)
	}
}

// wantSpread wants a pod on each node.
func wantSpread(t *testing.T, namespace, instance string) {
	t.Helper()
	on := strings.Fields(kubectl(t, "-n", namespace, "get", "pods", "-l", "app.kubernetes.io/instance="+instance, "-o", "jsonpath={.items[*].spec.nodeName}"))
	if len(on) != 2 || on[0] == on[1] {
		t.Errorf("the pods are on %v, want one on each node", on)
	}
}
