package api_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"gatelodge.dev/e2e/apiserver"
	"gatelodge.dev/e2e/undertest"
)

// dnsEndpoint is a DNSEndpoint of namespace shop with an address.
func dnsEndpoint(name, host, recordType, target string) string {
	return fmt.Sprintf(`
apiVersion: externaldns.k8s.io/v1alpha1
kind: DNSEndpoint
metadata: {name: %s, namespace: shop}
spec: {endpoints: [{dnsName: %s, recordType: %s, recordTTL: 30, targets: [%q]}]}
`, name, host, recordType, target)
}

// installDNSEndpoints installs the definition of the resource and waits until
// the API server serves it.
func installDNSEndpoints(t *testing.T, cluster *apiserver.Cluster) {
	t.Helper()
	definition, err := os.ReadFile("testdata/dnsendpoints.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cluster.Apply(t, string(definition))
	undertest.Await(t, "the resource", func() error { return hasDNSEndpoints(cluster, true) })
}

// hasDNSEndpoints returns an error unless the API server serves the resource, or
// does not, as wanted.
func hasDNSEndpoints(cluster *apiserver.Cluster, want bool) error {
	_, lists, err := cluster.Client.Discovery().ServerGroupsAndResources()
	if err != nil {
		return err
	}
	has := slices.ContainsFunc(lists, func(list *metav1.APIResourceList) bool {
		return list.GroupVersion == "externaldns.k8s.io/v1alpha1" && len(list.APIResources) > 0
	})
	if has != want {
		return fmt.Errorf("the API server has the resource: %v", has)
	}
	return nil
}

// awaitAddresses waits until a name resolves to these addresses.
func awaitAddresses(t *testing.T, g *undertest.Gateway, name, want string) {
	t.Helper()
	undertest.Await(t, name+" to resolve to "+want, func() error {
		got, err := g.Addresses(name)
		if err == nil && fmt.Sprint(got) != want {
			err = fmt.Errorf("it resolves to %v", got)
		}
		return err
	})
}

// TestDNSEndpointsComeAndGo: the resource is installed while the gateway runs,
// removed and installed again. That takes records with it and nothing else, and
// is no fault.
func TestDNSEndpointsComeAndGo(t *testing.T) {
	cluster := startCluster(t)
	g := start(t, "a", configFile(t, gatewayConfig), "--kubeconfig", cluster.Kubeconfig(t, us))
	cluster.Apply(t, startBackend(t, "shop", 1)+"---\n"+ingress("web", "web.example.test", ""))
	awaitAddresses(t, g, "web.example.test", "[192.0.2.10]")

	installDNSEndpoints(t, cluster)
	cluster.Apply(t, dnsEndpoint("kafka", "kafka.example.test", "A", "192.0.2.77"))
	awaitAddresses(t, g, "kafka.example.test", "[192.0.2.77]")
	cluster.Apply(t, dnsEndpoint("kafka", "kafka.example.test", "A", "192.0.2.78"))
	awaitAddresses(t, g, "kafka.example.test", "[192.0.2.78]")
	cluster.Apply(t, dnsEndpoint("thief", "ns1.example.test", "A", "192.0.2.66"))
	if event := awaitEvent(t, cluster, "shop", "thief", "Problem"); !strings.HasPrefix(event.Message, "NameReserved: ") {
		t.Errorf("the Event says %q", event.Message)
	}
	awaitAddresses(t, g, "ns1.example.test", "[192.0.2.53]")

	removed := cluster.Client.Discovery().RESTClient().Delete().
		AbsPath("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/dnsendpoints.externaldns.k8s.io").Do(t.Context())
	if err := removed.Error(); err != nil {
		t.Fatal(err)
	}
	awaitAddresses(t, g, "kafka.example.test", "[]")
	undertest.Await(t, "the resource to be gone", func() error { return hasDNSEndpoints(cluster, false) })
	if err := g.Answers("http://web.example.test/", http.StatusOK); err != nil {
		t.Error(err)
	}
	awaitAddresses(t, g, "web.example.test", "[192.0.2.10]")

	installDNSEndpoints(t, cluster)
	cluster.Apply(t, dnsEndpoint("again", "again.example.test", "A", "192.0.2.79"))
	awaitAddresses(t, g, "again.example.test", "[192.0.2.79]")
	if log := g.Stderr.String(); strings.Contains(log, "msg=cluster") || strings.Contains(log, "level=ERROR") {
		t.Errorf("that the resource came and went was taken for a fault:\n%s", log)
	}
}

// TestDNSEndpointsThatMayNotBeRead: a role from before leaves out these records
// alone, and the gateway says so once.
func TestDNSEndpointsThatMayNotBeRead(t *testing.T) {
	cluster := startCluster(t)
	role, err := cluster.Client.RbacV1().ClusterRoles().Get(t.Context(), "gatelodge", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	kept := role.Rules[:0]
	for _, rule := range role.Rules {
		if rule.APIGroups[0] != "externaldns.k8s.io" {
			kept = append(kept, rule)
		}
	}
	role.Rules = kept
	if _, err := cluster.Client.RbacV1().ClusterRoles().Update(t.Context(), role, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitNoRight(t, cluster, authorizationv1.ResourceAttributes{Verb: "list", Group: "externaldns.k8s.io", Resource: "dnsendpoints", Namespace: "shop"})
	installDNSEndpoints(t, cluster)
	g := start(t, "a", configFile(t, gatewayConfig), "--kubeconfig", cluster.Kubeconfig(t, us))
	cluster.Apply(t, startBackend(t, "shop", 1)+"---\n"+ingress("web", "web.example.test", ""))
	awaitAddresses(t, g, "web.example.test", "[192.0.2.10]")
	awaitToldOnce(t, g, "can't watch dnsendpoints")
}
