package api_test

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"gatelodge.dev/e2e/apiserver"
	"gatelodge.dev/e2e/undertest"
)

// awaitOwner waits until each replica has granted the host to a namespace, and
// has a problem with the text.
func awaitOwner(t *testing.T, host, namespace, problem string, replicas ...*undertest.Gateway) {
	t.Helper()
	for _, g := range replicas {
		undertest.Await(t, g.Name+" to grant "+host+" to "+namespace, func() error {
			snapshot, err := g.Page("/snapshot")
			if err == nil && (!strings.Contains(snapshot, "host "+host+" owner="+namespace+"\n") || !strings.Contains(snapshot, problem)) {
				err = fmt.Errorf("the snapshot is\n%s", snapshot)
			}
			return err
		})
	}
}

// awaitClaims waits until the leader has recorded that the namespace has the
// host; "": that nothing is contested.
func awaitClaims(t *testing.T, cluster *apiserver.Cluster, host, namespace string) {
	t.Helper()
	undertest.Await(t, "the record of "+host, func() error {
		record, err := cluster.Client.CoreV1().ConfigMaps("gatelodge").Get(t.Context(), "gatelodge-claims", metav1.GetOptions{})
		if err != nil {
			return err
		}
		text := record.Data["claims"]
		if namespace == "" && text != "" || namespace != "" && !strings.HasPrefix(text, host+" "+namespace+" ") {
			return fmt.Errorf("recorded is %q", text)
		}
		return nil
	})
}

// claimIn is an Ingress of any namespace.
func claimIn(namespace, name string, hosts ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: %s, namespace: %s}\nspec:\n  ingressClassName: gatelodge\n  rules:\n", name, namespace)
	for _, host := range hosts {
		fmt.Fprintf(&b, "  - host: %s\n    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: echo, port: {number: 80}}}}]}\n", host)
	}
	return b.String()
}

// TestAttackNameIsClaimedAsTheLeaderDies: a team adds another's live host to an
// old Ingress. The leader is killed before it has recorded who has the host, the
// other replica does, and then both start anew.
func TestAttackNameIsClaimedAsTheLeaderDies(t *testing.T) {
	const host = "web.example.test"
	cluster := startCluster(t)
	kubeconfig := cluster.Kubeconfig(t, us)
	serve := func(pod string) *undertest.Gateway {
		return start(t, pod, configFile(t, gatewayConfig), "--kubeconfig", kubeconfig)
	}
	cluster.Apply(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: evil}\n")
	cluster.Apply(t, claimIn("evil", "old", "own.example.test"))
	a, b := serve("a"), serve("b")
	cluster.Apply(t, claimIn("shop", "web", host)) // not older than the other
	awaitOwner(t, host, "shop", "", a, b)

	leading, others := leader(t, a, b)
	following := others[0]
	leading.Pause()
	taken := "host " + host + " is granted to namespace shop by Ingress shop/web, which has it since "
	cluster.Apply(t, claimIn("evil", "old", "own.example.test", host))
	awaitOwner(t, host, "shop", taken, following)
	leading.Kill()
	awaitClaims(t, cluster, host, "shop")

	following.Kill()
	a, b = serve("c"), serve("d")
	awaitOwner(t, host, "shop", taken, a, b)

	// Deleted and made anew, it may be claimed by whoever waits for it.
	if err := cluster.Client.NetworkingV1().Ingresses("shop").Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitOwner(t, host, "evil", "", a, b)
	awaitClaims(t, cluster, host, "")
	cluster.Apply(t, claimIn("shop", "web", host))
	awaitOwner(t, host, "evil", "host "+host+" is granted to namespace evil by the older Ingress evil/old", a, b)
	awaitClaims(t, cluster, host, "evil")
}
