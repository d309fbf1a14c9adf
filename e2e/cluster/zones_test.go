//go:build debian

package cluster_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatelodge.dev/e2e/undertest"
)

// TestTwoGateways: two gateways of one cluster, for two network zones, as
// deploy/metallb has them: each serves its own Ingresses at its own address, and
// touches nothing of the other's.
func TestTwoGateways(t *testing.T) {
	installMetalLB(t)
	kubectl(t, "apply", "-f", "../../deploy/metallb/zones.yaml")
	zones := []string{"lan", "dmz"}
	address := make(map[string]string)
	for _, zone := range zones {
		valuesFile, err := os.ReadFile(filepath.Join("../../deploy/metallb", "values-"+zone+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		helmInstall(t, "gatelodge-"+zone, "gatelodge-"+zone, string(valuesFile))
		address[zone] = serviceAddress(t, "gatelodge-"+zone, "gatelodge-"+zone)
	}
	for _, zone := range zones {
		host := "app." + zone + ".example.com"
		startBackend(t, "app-"+zone, zone, host)
		kubectl(t, "-n", "app-"+zone, "label", "ingress", "app", "zone="+zone)
	}
	// In the class of the DMZ, but without permission to be there.
	apply(t, fmt.Sprintf(ingress, "app-lan", "", "dmz", "mistyped.dmz.example.com", "mistyped"))

	for _, zone := range zones {
		own, other := "app."+zone+".example.com", "app."+others[zone]+".example.com"
		at := address[zone]
		undertest.AwaitWithin(t, startTime, own+" to be served", func() error {
			out, err := client.run(t.Context(), "curl", "-ks", "--max-time", "30", "--resolve", own+":443:"+at, "https://"+own+"/")
			if err == nil && !strings.Contains(out, "host="+own) {
				err = fmt.Errorf("answered %q", out)
			}
			return err
		})
		if out, err := client.run(t.Context(), "curl", "-ks", "-o", "/dev/null", "-w", "%{http_code}", "--resolve", other+":443:"+at, "https://"+other+"/"); err != nil || out != "404" {
			t.Errorf("the gateway of the zone %s answers %s with %s %v, want 404", zone, other, out, err)
		}
		if out, err := client.run(t.Context(), "dig", "@"+at, "+short", own); err != nil || strings.TrimSpace(out) != at {
			t.Errorf("the gateway of the zone %s says that %s is at %q %v, want %s", zone, own, out, err, at)
		}
		if out, err := client.run(t.Context(), "dig", "@"+at, other); err != nil || !strings.Contains(out, "status: REFUSED") {
			t.Errorf("the gateway of the zone %s answers for %s: %s %v, want REFUSED", zone, other, out, err)
		}
		undertest.AwaitWithin(t, startTime, "the status of "+own, func() error {
			if status := kubectl(t, "-n", "app-"+zone, "get", "ingress", "app", "-o", "jsonpath={.status.loadBalancer.ingress[*].ip}"); status != at {
				return fmt.Errorf("it is %q, want %s", status, at)
			}
			return nil
		})
	}
	if out, err := client.run(t.Context(), "dig", "@"+address["dmz"], "mistyped.dmz.example.com"); err != nil || !strings.Contains(out, "status: NXDOMAIN") {
		t.Errorf("the gateway of the DMZ answers for an Ingress without its label: %s %v", out, err)
	}
	if status := kubectl(t, "-n", "app-lan", "get", "ingress", "mistyped", "-o", "jsonpath={.status.loadBalancer.ingress}"); status != "" {
		t.Errorf("an Ingress of neither gateway has the status %s", status)
	}
	wantOneWriter(t)
}

var others = map[string]string{"lan": "dmz", "dmz": "lan"}

// wantOneWriter wants whatever a gateway wrote to be its own: its field manager
// on the Ingresses of its zone, and its objects in its namespace alone.
func wantOneWriter(t *testing.T) {
	t.Helper()
	for zone, other := range others {
		for _, ns := range []string{"app-" + other, "gatelodge-" + other} {
			objects := kubectl(t, "-n", ns, "get", "ingresses,configmaps,secrets,leases,events,services,pods", "-o", "yaml", "--show-managed-fields")
			if mine := "gatelodge-" + zone; strings.Contains(objects, mine) {
				t.Errorf("an object of namespace %s names %s:\n%s", ns, mine, objects)
			}
		}
	}
}
