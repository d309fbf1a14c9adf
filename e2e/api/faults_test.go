package api_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"gatelodge.dev/e2e/apiserver"
	"gatelodge.dev/e2e/undertest"
)

// awaitToldOnce waits until the gateway's log contains the words, and wants them
// there once.
func awaitToldOnce(t *testing.T, g *undertest.Gateway, words string) {
	t.Helper()
	g.AwaitLog(words)
	if n := strings.Count(g.Stderr.String(), words); n != 1 {
		t.Errorf("%q is in the log %d times", words, n)
	}
}

func TestForbiddenIsToldOnceAndRetried(t *testing.T) {
	cluster := startCluster(t)
	roles := cluster.Client.RbacV1().ClusterRoles()
	full, err := roles.Get(t.Context(), "gatelodge", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	less := full.DeepCopy()
	less.Rules = nil
	for _, rule := range full.Rules {
		if rule.Resources[0] != "endpointslices" && rule.Resources[0] != "ingresses/status" {
			less.Rules = append(less.Rules, rule)
		}
	}
	set := func(role *rbacv1.ClusterRole) {
		t.Helper()
		role.ResourceVersion = ""
		if _, err := roles.Update(t.Context(), role, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	set(less)
	awaitNoRight(t, cluster, authorizationv1.ResourceAttributes{Verb: "list", Group: "discovery.k8s.io", Resource: "endpointslices", Namespace: "shop"})
	g := launch(t, "a", configFile(t, gatewayConfig), "--kubeconfig", cluster.Kubeconfig(t, us))
	awaitToldOnce(t, g, "can't watch endpointslices: ")
	undertest.Await(t, "readyz to say why", func() error {
		status, body, err := g.Get("http://" + g.Admin + "/readyz")
		if err == nil && (status != http.StatusServiceUnavailable || !strings.Contains(body, "cannot list resource") || !strings.Contains(body, "endpointslices")) {
			err = fmt.Errorf("readyz: %d %s", status, body)
		}
		return err
	})
	less.Rules = nil
	for _, rule := range full.Rules {
		if rule.Resources[0] != "ingresses/status" {
			less.Rules = append(less.Rules, rule)
		}
	}
	set(less)
	cluster.Apply(t, startBackend(t, "shop", 1)+"---\n"+ingress("web", "web.example.test", ""))
	undertest.Await(t, "the route", func() error { return g.Answers("http://web.example.test/", http.StatusOK) })
	awaitToldOnce(t, g, "can't write the status of Ingresses in namespace shop: ")
	set(full)
	awaitStatus(t, cluster, "web", "192.0.2.10", us)
	awaitToldOnce(t, g, "can't watch endpointslices: ")
	awaitToldOnce(t, g, "can't write the status of Ingresses in namespace shop: ")
}

func TestExpiredTokenIsToldOnceAndRetried(t *testing.T) {
	cluster := startCluster(t)
	cluster.Apply(t, startBackend(t, "shop", 1)+"---\n"+ingress("web", "web.example.test", ""))
	token := filepath.Join(t.TempDir(), "token")
	kubeconfig, good := withTokenFile(t, cluster, token)
	undertest.WriteFile(t, token, strings.ToUpper(good)) // no better than one that has expired
	g := launch(t, "a", configFile(t, gatewayConfig), "--kubeconfig", kubeconfig)
	awaitToldOnce(t, g, "does not accept the gateway's credentials")
	undertest.Await(t, "readyz to say why", func() error {
		_, body, err := g.Get("http://" + g.Admin + "/readyz")
		if err == nil && !strings.Contains(body, "credentials") {
			err = fmt.Errorf("readyz: %s", body)
		}
		return err
	})
	awaitToldOnce(t, g, "does not accept the gateway's credentials")
	undertest.WriteFile(t, token, good)
	undertest.Await(t, "the route after the token was renewed", func() error { return g.Answers("http://web.example.test/", http.StatusOK) })
	g.AwaitLog("cluster: problem resolved")
}

// withTokenFile makes a kubeconfig whose token is read from a file, as a pod's
// is.
func withTokenFile(t *testing.T, cluster *apiserver.Cluster, file string) (kubeconfig, token string) {
	t.Helper()
	config, err := clientcmd.LoadFromFile(cluster.Kubeconfig(t, us))
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range config.AuthInfos {
		token = user.Token
		user.Token, user.TokenFile = "", file
	}
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, kubeconfig); err != nil {
		t.Fatal(err)
	}
	return kubeconfig, token
}

func TestNamespaceBeingDeleted(t *testing.T) {
	cluster := startCluster(t)
	g := start(t, "a", configFile(t, gatewayConfig), "--kubeconfig", cluster.Kubeconfig(t, us))
	cluster.Apply(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: doomed}\n")
	doomed := strings.Replace(ingress("web", "doomed.example.test", ""), "namespace: shop", "namespace: doomed", 1)
	cluster.Apply(t, startBackend(t, "doomed", 1)+"---\n"+doomed)
	awaitEvent(t, cluster, "doomed", "web", "Serving")

	// Without controllers it is being deleted for ever.
	if err := cluster.Client.CoreV1().Namespaces().Delete(t.Context(), "doomed", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	cluster.Apply(t, strings.Replace(doomed, "name: web,", "name: web, annotations: {gatelodge.dev/ssl-redirect: perhaps, gatelodge.dev/nonsense: x},", 1))
	awaitToldOnce(t, g, "can't write Events in namespace doomed: the namespace is being deleted")
	if err := g.Answers("http://doomed.example.test/", http.StatusOK); err != nil {
		t.Errorf("what is still there: %v", err)
	}
	cluster.Apply(t, startBackend(t, "shop", 2)+"---\n"+ingress("web", "web.example.test", ""))
	awaitStatus(t, cluster, "web", "192.0.2.10", us)
	awaitEvent(t, cluster, "shop", "web", "Serving")
	awaitToldOnce(t, g, "can't write Events in namespace doomed: the namespace is being deleted")
}

func TestKubeconfigIsCheckedAtStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kubeconfig")
	for name, text := range map[string]string{"absent": "", "no YAML": "[", "no cluster": "apiVersion: v1\nkind: Config\n"} {
		os.Remove(file)
		if text != "" {
			undertest.WriteFile(t, file, text)
		}
		g := launch(t, "a", configFile(t, gatewayConfig), "--kubeconfig", file)
		if code := g.ExitCode(); code != 1 || !strings.Contains(g.Stderr.String(), file) {
			t.Errorf("%s: exit code %d, says %s", name, code, g.Stderr.String())
		}
	}
}
