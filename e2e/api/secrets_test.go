package api_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"gatelodge.dev/e2e/apiserver"
	"gatelodge.dev/e2e/undertest"
)

// needles are secrets by where they were planted.
type needles map[string][]byte

// formsOf returns what a secret looks like when it is printed.
func formsOf(secret []byte) []string {
	return []string{
		string(secret),
		strings.TrimRight(base64.StdEncoding.EncodeToString(secret), "="),
		strings.TrimRight(base64.URLEncoding.EncodeToString(secret), "="),
		hex.EncodeToString(secret),
		strings.ToUpper(hex.EncodeToString(secret)),
		strings.Trim(fmt.Sprint(secret), "[]"), // %v of bytes
	}
}

// findIn fails the test for each secret that stands in text.
func (n needles) findIn(t *testing.T, where, text string) {
	t.Helper()
	for name, secret := range n {
		for _, form := range formsOf(secret) {
			if strings.Contains(text, form) {
				t.Errorf("%s stands in %s", name, where)
				break
			}
		}
	}
}

// ofSecrets adds what the cluster's Secrets hold, by now, but for what is
// public in them.
func (n needles) ofSecrets(t *testing.T, cluster *apiserver.Cluster) {
	t.Helper()
	list, err := cluster.Client.CoreV1().Secrets("").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range list.Items {
		for key, value := range secret.Data {
			name := fmt.Sprintf("%s/%s[%s]", secret.Namespace, secret.Name, key)
			block, _ := pem.Decode(value)
			switch {
			case block != nil && block.Type == "CERTIFICATE":
			case key == "directory": // the URL of a CA
			case block != nil:
				n[name] = block.Bytes[len(block.Bytes)-24:] // of the key itself, behind what says what it is
				n[name+" in PEM"] = []byte(strings.Split(string(value), "\n")[1])
			case len(value) >= 24:
				n[name] = value
			}
		}
	}
}

// TestNoSecretIsTold plants secrets of every kind, uses them, and looks for them
// wherever the gateway says something: in its logs, at its admin endpoint, in
// what it writes to the cluster beside Secrets.
func TestNoSecretIsTold(t *testing.T) {
	cluster := startCluster(t)
	planted := needles{
		"the password":       []byte("correct horse battery staple"),
		"the users' hash":    []byte("$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/"),
		"the query's token":  []byte("Zm9yLXRoZS1iYWNrZW5kLWFsb25l"),
		"the cookie":         []byte("c2Vzc2lvbi1vZi1zb21lYm9keQ"),
		"the binding's key":  []byte("d2hhdC10aGUtQ0EtZ2F2ZS11cw"),
		"the broken TLS key": []byte("bm90LWEta2V5LWJ1dC1zZWNyZXQ"),
	}
	ca := undertest.NewCA(t, "Test CA")
	site := ca.Server(t, "web.example.test")
	if _, err := cluster.Client.CoreV1().Secrets("shop").Create(t.Context(), tlsSecretOf(site, "site"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	opaque := func(namespace, name, kind, key string, value []byte, more string) string {
		return fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: %s}\ntype: %s\ndata: {%s: %s%s}\n---\n",
			name, namespace, kind, key, base64.StdEncoding.EncodeToString(value), more)
	}
	annotated := func(name, annotation string) string {
		return strings.Replace(ingress(name, name+".example.test", "  tls: [{secretName: site}]\n---\n"), "namespace: shop}", "namespace: shop, annotations: {"+annotation+"}}", 1)
	}
	cluster.Apply(t, startBackend(t, "shop", 1)+"---\n"+
		opaque("shop", "users", "Opaque", "auth", append([]byte("jane:"), planted["the users' hash"]...), "")+
		opaque("gatelodge", "eab", "Opaque", "hmac", planted["the binding's key"], "")+
		opaque("shop", "broken", "kubernetes.io/tls", "tls.key", planted["the broken TLS key"], ", tls.crt: "+base64.StdEncoding.EncodeToString(site.Certificate))+
		annotated("web", `gatelodge.dev/auth-type: basic, gatelodge.dev/auth-secret: users`)+
		ingress("broken", "broken.example.test", "  tls: [{secretName: broken}]\n---\n")+
		annotated("ordered", `gatelodge.dev/acme: "true"`))
	g := start(t, "a", configFile(t, gatewayConfig+`
acme:
  directory: https://127.0.0.1:1/directory
  eab: {keyID: ours, secret: gatelodge/eab}
`), "--kubeconfig", cluster.Kubeconfig(t, us), "--log-level", "debug")

	g.Roots = x509.NewCertPool()
	g.Roots.AddCert(ca.Leaf)
	undertest.Await(t, "requests with secrets in them to be answered", func() error {
		client := g.Client()
		defer client.CloseIdleConnections()
		request, err := http.NewRequest("GET", "https://web.example.test/?token="+string(planted["the query's token"]), nil)
		if err != nil {
			return err
		}
		request.SetBasicAuth("jane", string(planted["the password"]))
		request.Header.Set("Cookie", "session="+string(planted["the cookie"]))
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		response.Body.Close()
		if response.StatusCode != http.StatusUnauthorized {
			return fmt.Errorf("a wrong password is answered %d", response.StatusCode)
		}
		return nil
	})
	undertest.Await(t, "an Event about the broken Secret", func() error {
		if len(eventsOf(t, cluster, "shop", "broken", "Problem")) == 0 {
			return fmt.Errorf("there is none")
		}
		return nil
	})
	undertest.Await(t, "the keys that the gateway makes", func() error {
		for _, name := range []string{"gatelodge-tickets", "gatelodge-dns-cookie"} {
			if _, err := cluster.Client.CoreV1().Secrets("gatelodge").Get(t.Context(), name, metav1.GetOptions{}); err != nil {
				return err
			}
		}
		return nil
	})

	planted.ofSecrets(t, cluster)
	if len(planted) < 12 {
		t.Fatalf("there is little to look for: %d secrets", len(planted))
	}
	planted["the Authorization field"] = []byte(base64.StdEncoding.EncodeToString(append([]byte("jane:"), planted["the password"]...)))
	for _, path := range []string{
		"/", "/healthz", "/readyz", "/metrics", "/snapshot", "/api/status", "/api/hosts", "/api/problems", "/api/orders", "/api/zones",
		"/api/zones/example.test/default", "/api/guard", "/debug/pprof/goroutine?debug=2",
		"/debug/pprof/heap", "/debug/pprof/heap?debug=1", "/debug/pprof/allocs?debug=1", "/debug/pprof/trace?seconds=0.1",
	} {
		status, body, err := g.Get("http://" + g.Admin + path)
		if err != nil || status != http.StatusOK {
			t.Errorf("%s: %d %v", path, status, err)
		}
		planted.findIn(t, "the admin endpoint's "+path, body)
	}
	var texts map[string]string
	undertest.Await(t, "objects of each kind that the gateway writes", func() (err error) {
		texts, err = objectsOf(t, cluster)
		return err
	})
	for kind, text := range texts {
		planted.findIn(t, kind, text)
	}
	g.Stop()
	if !strings.Contains(g.Stderr.String(), "level=DEBUG") || !strings.Contains(g.Stdout.String(), `"host":"web.example.test"`) {
		t.Error("the logs are not those of a gateway that logs all that it can")
	}
	planted.findIn(t, "the log", g.Stderr.String())
	if strings.Contains(g.Stderr.String(), "6b 38 73 00") { // how a body of the API begins, in hexadecimal
		t.Error("the log has bodies of requests to the API server")
	}
	planted.findIn(t, "the access log", g.Stdout.String())
}

// objectsOf returns, by kind, the text of all objects that a gateway may write
// but Secrets. There being none of a kind is an error.
func objectsOf(t *testing.T, cluster *apiserver.Cluster) (map[string]string, error) {
	t.Helper()
	client, err := dynamic.NewForConfig(cluster.AdminConfig())
	if err != nil {
		return nil, err
	}
	texts := make(map[string]string)
	for _, resource := range []schema.GroupVersionResource{
		{Version: "v1", Resource: "events"},
		{Version: "v1", Resource: "configmaps"},
		{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"},
		{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"},
	} {
		list, err := client.Resource(resource).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(list.Items, func(o unstructured.Unstructured) bool {
			return o.GetNamespace() == "shop" || o.GetNamespace() == "gatelodge"
		}) {
			return nil, fmt.Errorf("there are no %s to look into", resource.Resource)
		}
		text, err := json.Marshal(list)
		if err != nil {
			return nil, err
		}
		texts[resource.Resource] = string(text)
	}
	return texts, nil
}
