package api_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"gatelodge.dev/e2e/apiserver"
)

// tells waits until the gateway's log has a fault with these words, and wants
// it there once.
func (g *gateway) tells(t *testing.T, words string) {
	t.Helper()
	await(t, "word of "+words, func() error {
		if !strings.Contains(g.stderr.String(), words) {
			return fmt.Errorf("the log says nothing of it")
		}
		return nil
	})
	if n := strings.Count(g.stderr.String(), words); n != 1 {
		t.Errorf("%q is told %d times", words, n)
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
	g := launch(t, "a", configFile(t, gatewayConfig), "--kubeconfig", cluster.Kubeconfig(t, us))
	g.tells(t, "can't watch endpointslices: ")
	await(t, "readyz to say why", func() error {
		status, body, err := g.get("http://" + g.admin + "/readyz")
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
	await(t, "the route", func() error { return g.wants("http://web.example.test/", http.StatusOK) })
	g.tells(t, "can't write the status of Ingresses in namespace shop: ")
	set(full)
	awaitStatus(t, cluster, "web", "192.0.2.10", us)
	g.tells(t, "can't watch endpointslices: ")
	g.tells(t, "can't write the status of Ingresses in namespace shop: ")
}

func TestExpiredTokenIsToldOnceAndRetried(t *testing.T) {
	cluster := startCluster(t)
	cluster.Apply(t, startBackend(t, "shop", 1)+"---\n"+ingress("web", "web.example.test", ""))
	token := filepath.Join(t.TempDir(), "token")
	kubeconfig, good := withTokenFile(t, cluster, token)
	rewrite(t, token, strings.ToUpper(good)) // no better than one that has expired
	g := launch(t, "a", configFile(t, gatewayConfig), "--kubeconfig", kubeconfig)
	g.tells(t, "does not accept the gateway's credentials")
	await(t, "readyz to say why", func() error {
		_, body, err := g.get("http://" + g.admin + "/readyz")
		if err == nil && !strings.Contains(body, "credentials") {
			err = fmt.Errorf("readyz: %s", body)
		}
		return err
	})
	rewrite(t, token, good)
	await(t, "the route after the token was renewed", func() error { return g.wants("http://web.example.test/", http.StatusOK) })
	g.tells(t, "does not accept the gateway's credentials")
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
	g.tells(t, "can't write Events in namespace doomed: the namespace is being deleted")
	if err := g.wants("http://doomed.example.test/", http.StatusOK); err != nil {
		t.Errorf("what is still there: %v", err)
	}
	cluster.Apply(t, startBackend(t, "shop", 2)+"---\n"+ingress("web", "web.example.test", ""))
	awaitStatus(t, cluster, "web", "192.0.2.10", us)
	awaitEvent(t, cluster, "shop", "web", "Serving")
	g.tells(t, "can't write Events in namespace doomed: the namespace is being deleted")
}

func TestKubeconfigIsCheckedAtStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kubeconfig")
	for name, text := range map[string]string{"absent": "", "no YAML": "[", "no cluster": "apiVersion: v1\nkind: Config\n"} {
		os.Remove(file)
		if text != "" {
			rewrite(t, file, text)
		}
		g := launch(t, "a", configFile(t, gatewayConfig), "--kubeconfig", file)
		<-g.exited
		if code := g.process.ProcessState.ExitCode(); code != 1 || !strings.Contains(g.stderr.String(), file) {
			t.Errorf("%s: exit code %d, says %s", name, code, g.stderr.String())
		}
	}
}
