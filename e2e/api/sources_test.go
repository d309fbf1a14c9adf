package api_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatelodge.dev/e2e/undertest"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestClusterAndFolderServeTheSame feeds the same manifests to an API server
// and to a folder.
func TestClusterAndFolderServeTheSame(t *testing.T) {
	cluster := startCluster(t)
	for _, namespace := range []string{"marketing", "gatelodge"} {
		cluster.Apply(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: "+namespace+"}\n")
	}
	folder := t.TempDir()
	files, err := filepath.Glob("../../deploy/example/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	secret, _ := tlsSecret(t, "shop", "web-tls", "web.example.test")
	_, endpoints, _ := strings.Cut(startBackend(t, "shop", 1), "---\n") // the Service is among the examples
	texts := []string{endpoints + "---\n" + secret + "---\n" +
		ingress("web", "web.example.test", "  tls: [{secretName: web-tls}, {secretName: absent}]\n")}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	for i, text := range texts {
		cluster.Apply(t, text)
		undertest.WriteFile(t, filepath.Join(folder, fmt.Sprintf("%02d.yaml", i)), text)
	}
	config := configFile(t, gatewayConfig)
	ofCluster := start(t, "cluster", config, "--kubeconfig", cluster.Kubeconfig(t, us))
	ofFolder := start(t, "folder", config, "--manifests", folder)

	// Only a file has lines, and only one of the two its own listeners.
	differs := regexp.MustCompile(` \(\S+\.yaml:\d+\)|(?m)^(#|listener ).*\n`)
	snapshot := func(g *undertest.Gateway) string {
		_, text, err := g.Get("http://" + g.Admin + "/snapshot")
		if err != nil {
			t.Fatal(err)
		}
		return differs.ReplaceAllString(text, "")
	}
	undertest.Await(t, "the same snapshot", func() error {
		a, b := snapshot(ofCluster), snapshot(ofFolder)
		if a != b {
			return fmt.Errorf("the cluster gives\n%sand the folder\n%s", a, b)
		}
		if !strings.Contains(a, "basic-auth=") || !strings.Contains(a, "certificate secret") || !strings.Contains(a, "SecretMissing") {
			return fmt.Errorf("the snapshot lacks what it is about:\n%s", a)
		}
		return nil
	})
}

// TestNamespacedRole: a gateway that keeps to a namespace needs no rights in
// others.
func TestNamespacedRole(t *testing.T) {
	cluster := startCluster(t)
	if err := cluster.Client.RbacV1().ClusterRoles().Delete(t.Context(), "gatelodge", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	cluster.Apply(t, manifest(t, "rbac-namespaced.yaml"))
	awaitRight(t, cluster, authorizationv1.ResourceAttributes{Verb: "create", Resource: "events", Namespace: "shop"})
	awaitRight(t, cluster, authorizationv1.ResourceAttributes{Verb: "watch", Resource: "services", Name: "gatelodge", Namespace: "gatelodge"})
	awaitRight(t, cluster, authorizationv1.ResourceAttributes{Verb: "watch", Resource: "namespaces", Name: "shop"})
	for i, name := range []string{"gatelodge", "gatelodge-dns"} {
		cluster.Apply(t, "apiVersion: v1\nkind: Service\nmetadata: {name: "+name+", namespace: gatelodge}\nspec: {type: LoadBalancer, ports: [{port: 80}]}\n")
		service, err := cluster.Client.CoreV1().Services("gatelodge").Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: fmt.Sprintf("192.0.2.%d", 30+i)}}
		if _, err := cluster.Client.CoreV1().Services("gatelodge").UpdateStatus(t.Context(), service, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	g := start(t, "a", configFile(t, `
ingress: {namespaces: [shop], classes: [gatelodge]}
dns: {zones: [{name: example.test, nameservers: [ns1]}]}
drain: {delay: 0s, timeout: 1s, tunnels: 1s}
`), "--kubeconfig", cluster.Kubeconfig(t, us))

	secret, roots := tlsSecret(t, "shop", "web-tls", "web.example.test")
	g.Roots = roots
	cluster.Apply(t, startBackend(t, "shop", 1)+"---\n"+secret+"---\n"+ingress("web", "web.example.test", "  tls: [{secretName: web-tls}]\n"))
	undertest.Await(t, "the route", func() error { return g.Answers("https://web.example.test/", http.StatusOK) })
	awaitStatus(t, cluster, "web", "192.0.2.30", us)
	awaitEvent(t, cluster, "shop", "web", "Serving")
	for name, want := range map[string]string{"web.example.test": "[192.0.2.30]", "ns1.example.test": "[192.0.2.31]"} {
		if addresses, err := g.Addresses(name); err != nil || fmt.Sprint(addresses) != want {
			t.Errorf("%s resolves to %v %v, want %s", name, addresses, err, want)
		}
	}
	if log := g.Stderr.String(); strings.Contains(log, "msg=cluster") {
		t.Errorf("the rights do not suffice:\n%s", log)
	}
}
