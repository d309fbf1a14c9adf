package api_test

import (
	"net/http"
	"strings"
	"testing"

	"gatelodge.dev/e2e/undertest"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestClassParameters: the ConfigMap that the IngressClass names sets the defaults of
// every Ingress of the class, at once. The gateway reads no other ConfigMap of that
// namespace.
func TestClassParameters(t *testing.T) {
	cluster := startCluster(t)
	g := start(t, "a", configFile(t, gatewayConfig), "--kubeconfig", cluster.Kubeconfig(t, us))
	secret, roots := tlsSecret(t, "shop", "web-tls", "web.example.test")
	g.Roots = roots
	cluster.Apply(t, startBackend(t, "shop", 1)+"---\n"+secret+"---\n"+ingress("web", "web.example.test", "  tls: [{secretName: web-tls}]\n"))
	undertest.Await(t, "the redirect", func() error { return g.Answers("http://web.example.test/", http.StatusPermanentRedirect) })

	class := `
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: gatelodge}
spec:
  controller: gatelodge.dev/ingress-controller
  parameters: {kind: ConfigMap, name: defaults, scope: Namespace, namespace: NAMESPACE}
`
	defaults := func(namespace, value string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: defaults, namespace: " + namespace + "}\ndata: {ssl-redirect: \"" + value + "\"}\n"
	}
	// The parameters of a class can't be changed, so each time it is another.
	use := func(namespace string) {
		if err := cluster.Client.NetworkingV1().IngressClasses().Delete(t.Context(), "gatelodge", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		cluster.Apply(t, strings.Replace(class, "NAMESPACE", namespace, 1))
	}
	cluster.Apply(t, defaults("gatelodge", "false"))
	use("gatelodge")
	undertest.Await(t, "no redirect", func() error { return g.Answers("http://web.example.test/", http.StatusOK) })
	cluster.Apply(t, defaults("gatelodge", "true"))
	undertest.Await(t, "the redirect again", func() error { return g.Answers("http://web.example.test/", http.StatusPermanentRedirect) })
	if err := cluster.Client.CoreV1().ConfigMaps("gatelodge").Delete(t.Context(), "defaults", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	undertest.Await(t, "503 while the defaults are unknown", func() error { return g.Answers("https://web.example.test/", http.StatusServiceUnavailable) })

	cluster.Apply(t, defaults("shop", "false"))
	use("shop")
	awaitToldOnce(t, g, "can't watch configmaps defaults in namespace shop")
	cluster.Grant(t, us, `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: gatelodge-defaults, namespace: shop}
rules: [{apiGroups: [""], resources: [configmaps], resourceNames: [defaults], verbs: [list, watch]}]
`)
	awaitRight(t, cluster, authorizationv1.ResourceAttributes{Verb: "watch", Resource: "configmaps", Name: "defaults", Namespace: "shop"})
	undertest.Await(t, "the defaults of the other namespace", func() error { return g.Answers("http://web.example.test/", http.StatusOK) })
}
