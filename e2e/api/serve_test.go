package api_test

import (
	"fmt"
	"net/http"
	"testing"

	"gatelodge.dev/e2e/undertest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestIngressIsServedAndGone(t *testing.T) {
	cluster := startCluster(t)
	g := start(t, "a", configFile(t, gatewayConfig), "--kubeconfig", cluster.Kubeconfig(t, "gatelodge/gatelodge"))

	secret, roots := tlsSecret(t, "shop", "web-tls", "web.example.test")
	g.Roots = roots
	cluster.Apply(t, startBackend(t, "shop", 1)+"---\n"+secret)
	cluster.Apply(t, ingress("web", "web.example.test", "  tls: [{secretName: web-tls}]\n"))
	undertest.Await(t, "the route with its certificate", func() error { return g.Answers("https://web.example.test/hello", http.StatusOK) })
	if addresses, err := g.Addresses("web.example.test"); err != nil || fmt.Sprint(addresses) != "[192.0.2.10]" {
		t.Errorf("with the route, its name resolves to %v %v", addresses, err)
	}

	if err := cluster.Client.NetworkingV1().Ingresses("shop").Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	undertest.Await(t, "the route to be gone", func() error { return g.Answers("http://web.example.test/", http.StatusNotFound) })
	if addresses, err := g.Addresses("web.example.test"); err != nil || len(addresses) > 0 {
		t.Errorf("without the route, its name resolves to %v %v", addresses, err)
	}
	if err := g.Answers("https://web.example.test/", http.StatusNotFound); err == nil {
		t.Error("without the route, its certificate is still shown")
	}
}
