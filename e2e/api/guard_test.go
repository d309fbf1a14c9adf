package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"gatelodge.dev/e2e/apiserver"
	"gatelodge.dev/e2e/undertest"
)

// manyHosts is how many the tests of the guard serve.
const manyHosts = 100

func guardedHost(i int) string { return fmt.Sprintf("host-%d.example.test", i) }

// applyMany makes a hundred Ingresses with a host each, under one certificate.
func applyMany(t *testing.T, cluster *apiserver.Cluster) {
	t.Helper()
	secret, _ := tlsSecret(t, "shop", "wildcard", "*.example.test")
	manifests := []string{secret}
	for i := range manyHosts {
		manifests = append(manifests, ingress(fmt.Sprint("host-", i), guardedHost(i), "  tls: [{secretName: wildcard}]\n"))
	}
	cluster.Apply(t, strings.Join(manifests, "---\n"))
}

// deleteMany is "kubectl delete ingress --all".
func deleteMany(t *testing.T, cluster *apiserver.Cluster) {
	t.Helper()
	err := cluster.Client.NetworkingV1().Ingresses("shop").DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// whole returns an error unless the host has its route, its certificate and its
// record; with gone, unless it has none of them.
func whole(g *undertest.Gateway, host string, gone bool) error {
	addresses, err := g.Addresses(host)
	if err != nil {
		return err
	}
	shown, err := g.Shown(host)
	if err != nil {
		return err
	}
	status, _, err := g.Get("http://" + host + "/")
	if err != nil {
		return err
	}
	got := fmt.Sprint(addresses, shown.Subject.CommonName == "*.example.test", status)
	want := fmt.Sprint([]string{"192.0.2.10"}, true, http.StatusPermanentRedirect)
	if gone {
		want = fmt.Sprint([]string{}, false, http.StatusNotFound)
	}
	if got != want {
		return fmt.Errorf("%s: %s has record, certificate and route %s, want %s", g.Name, host, got, want)
	}
	return nil
}

func allWhole(g *undertest.Gateway, gone bool) error {
	for i := range manyHosts {
		if err := whole(g, guardedHost(i), gone); err != nil {
			return err
		}
	}
	return nil
}

// TestGuardHoldsDeleteAll: both replicas withhold, and on both it goes ahead by the
// annotation, and by a confirmation at one of them.
func TestGuardHoldsDeleteAll(t *testing.T) {
	cluster := startCluster(t)
	kubeconfig := cluster.Kubeconfig(t, us)
	replicas := []*undertest.Gateway{
		start(t, "a", configFile(t, gatewayConfig), "--kubeconfig", kubeconfig),
		start(t, "b", configFile(t, gatewayConfig), "--kubeconfig", kubeconfig),
	}
	cluster.Apply(t, startBackend(t, "shop", 1))
	for name, confirm := range map[string]func(hash string){
		"the annotation": func(hash string) {
			patch := fmt.Sprintf(`{"metadata":{"annotations":{"gatelodge.dev/confirm":%q}}}`, hash)
			if _, err := cluster.Client.CoreV1().ConfigMaps("gatelodge").Patch(t.Context(), "gatelodge-guard", types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
				t.Fatal(err)
			}
		},
		"the admin port": func(hash string) {
			response, err := http.Post("http://"+replicas[1].Admin+"/api/guard/confirm?hash="+hash, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Errorf("confirming on the admin port: status %d", response.StatusCode)
			}
		},
	} {
		applyMany(t, cluster)
		for _, g := range replicas {
			undertest.Await(t, "a hundred hosts", func() error { return allWhole(g, false) })
		}
		awaitRecord(t, cluster, "hosts", fmt.Sprint(manyHosts))

		began := time.Now()
		deleteMany(t, cluster)
		var hash string
		for _, g := range replicas {
			r := g.AwaitWithheld(manyHosts)
			if hash == "" {
				hash = r.Hash
			}
			if r.Hash != hash {
				t.Errorf("replica %s confirms by %s, and replica a by %s", g.Name, r.Hash, hash)
			}
		}
		t.Logf("a deletion of all, and holding it, took %v", time.Since(began))
		for _, g := range replicas {
			if err := allWhole(g, false); err != nil {
				t.Errorf("while it is held: %v", err)
			}
			_, ready, err := g.Get("http://" + g.Admin + "/readyz")
			_, problems, problemsErr := g.Get("http://" + g.Admin + "/api/problems")
			for i := range manyHosts {
				if host := guardedHost(i); !strings.Contains(ready, host) || !strings.Contains(problems, host) {
					t.Fatalf("%s is not listed: readyz %s %v, problems %s %v", host, ready, err, problems, problemsErr)
				}
			}
		}
		awaitRecord(t, cluster, "withheld", hash)

		began = time.Now()
		confirm(hash)
		for _, g := range replicas {
			undertest.Await(t, "all to be gone", func() error { return whole(g, guardedHost(manyHosts-1), true) })
		}
		t.Logf("letting all go by %s took %v", name, time.Since(began))
		for _, g := range replicas {
			if err := allWhole(g, true); err != nil {
				t.Errorf("after %s: %v", name, err)
			}
		}
		awaitRecord(t, cluster, "hosts", "0")
	}
}

// awaitRecord waits until the leader has written this into the ConfigMap of the
// guard.
func awaitRecord(t *testing.T, cluster *apiserver.Cluster, part, want string) {
	t.Helper()
	undertest.Await(t, "the record of "+part, func() error {
		object, err := cluster.Client.CoreV1().ConfigMaps("gatelodge").Get(t.Context(), "gatelodge-guard", metav1.GetOptions{})
		if err == nil && object.Data[part] != want {
			err = fmt.Errorf("%s is %q, want %q", part, object.Data[part], want)
		}
		return err
	})
}

// TestStoreThatIsLostLosesNoRequest: the API server comes back with nothing,
// and lists all kinds as empty.
func TestStoreThatIsLostLosesNoRequest(t *testing.T) {
	cluster := startCluster(t)
	g := start(t, "a", configFile(t, gatewayConfig), "--kubeconfig", cluster.Kubeconfig(t, "admin"))
	backend := startBackend(t, "shop", 1) + "---\n" + ingress("web", "web.example.test", "")
	cluster.Apply(t, backend)
	undertest.Await(t, "the route", func() error { return g.Answers("http://web.example.test/", http.StatusOK) })
	load := startLoad(g, "web.example.test", "192.0.2.10")

	cluster.Wipe(t)
	g.AwaitWithheld(1)
	undertest.Await(t, "everything to be listed", func() error {
		_, body, err := g.Get("http://" + g.Admin + "/readyz")
		if err == nil && !strings.Contains(body, "web.example.test") {
			err = fmt.Errorf("readyz: %s", body)
		}
		return err
	})

	// Restoring what was lost ends it.
	if _, err := cluster.Client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	cluster.Apply(t, manifest(t, "example/ingressclass.yaml"))
	cluster.Apply(t, backend)
	g.AwaitWithheld(0)
	load.stop(t)
}
