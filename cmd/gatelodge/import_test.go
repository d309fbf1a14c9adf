package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	kubernetesfake "k8s.io/client-go/kubernetes/scheme"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/yaml"
)

// runCommand runs a command line on standard input, and returns its status and what
// it printed.
func runCommand(t *testing.T, in string, args ...string) (status int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status = run(t.Context(), args, stdio{strings.NewReader(in), &stdout, &stderr})
	return status, stdout.String(), stderr.String()
}

// namesIn reads one of the lists of names of kube/ingressnginx.
func namesIn(t *testing.T, file string) []string {
	t.Helper()
	f, err := os.Open(filepath.Join("../../kube/ingressnginx/testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var names []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		names = append(names, lines.Text())
	}
	return names
}

// installation is a controller of ingress-nginx with arguments and a ConfigMap.
func installation(t *testing.T, args []string, data map[string]string) string {
	t.Helper()
	var text strings.Builder
	for _, object := range []any{
		map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "controller", "namespace": "ingress-nginx"},
			"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{map[string]any{
				"image": "registry.k8s.io/ingress-nginx/controller:v1.15.0", "args": append([]string{"--configmap=$(POD_NAMESPACE)/controller"}, args...),
			}}}}}},
		&corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: metav1.ObjectMeta{Namespace: "ingress-nginx", Name: "controller"}, Data: data},
	} {
		one, err := yaml.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "---\n%s", one)
	}
	text.WriteString("---\n")
	return text.String()
}

// TestImportedConfigurationIsValid: whatever the ConfigMap and the arguments say,
// the strict reader takes what is made of them, and the manifests of defaults.
func TestImportedConfigurationIsValid(t *testing.T) {
	keys, flags := namesIn(t, "keys115.txt"), namesIn(t, "flags115.txt")
	for _, value := range []string{
		"", "true", "false", "on", "off", "0", "1", "60", "65535", "99999999999999999999", "-5", "30s", "8m", "1g", "4 8k", "16777216", "a/b", "/", "a/b/c",
		"10.0.0.0/8,::1", "192.0.2.1", "TLSv1", "TLSv1.3", "ewma", "TEAM in (a, b)", "x: y", "two\nlines: true\n# and more", `"quotes" and 'others'`, "\u2028ü\x00", "{[&*!|>%@`",
	} {
		for _, all := range []bool{true, false} {
			data := make(map[string]string)
			var args []string
			for _, key := range keys {
				data[key] = value
			}
			for _, flag := range flags {
				if flag != "configmap" && !(all && (flag == "watch-namespace" || flag == "watch-namespace-selector")) {
					args = append(args, "--"+flag+"="+value)
				}
			}
			text := installation(t, args, data)
			status, out, errs := runCommand(t, text, "import", "ingress-nginx")
			if status != 0 {
				t.Errorf("%q: status %d, %s", value, status, errs)
				continue
			}
			if _, err := parseConfig([]byte(out), "gateway.yaml"); err != nil {
				t.Errorf("%q: %v\n%s", value, err, out)
			}
			if status, _, errs := runCommand(t, text, "import", "ingress-nginx", "--defaults"); status != 0 {
				t.Errorf("%q: defaults: status %d, %s", value, status, errs)
			}
		}
	}
}

// TestImportedValuesAreServed: what is read has the values of the ConfigMap, and the
// defaults of ingress-nginx where it says nothing.
func TestImportedValuesAreServed(t *testing.T) {
	status, out, errs := runCommand(t, installation(t, []string{"--watch-ingress-without-class"}, map[string]string{
		"proxy-read-timeout": "120", "use-proxy-protocol": "true", "proxy-real-ip-cidr": "10.0.0.0/8", "http2-max-concurrent-streams": "32",
	}), "import", "ingress-nginx", "-")
	if status != 0 {
		t.Fatal(errs)
	}
	cfg, err := parseConfig([]byte(out), "")
	if err != nil {
		t.Fatal(err)
	}
	s := cfg.Kube.Settings
	if s.Timeouts.Read.Seconds() != 120 || len(s.Trust.ProxyProtocol) != 1 || s.Limits.Streams != 32 || s.Limits.BodyBytes != 1<<20 ||
		s.HSTS != "max-age=31536000; includeSubDomains" || s.ServerName != "" || !cfg.Kube.WithoutClass || len(cfg.Kube.Classes) != 1 || cfg.Kube.Classes[0] != "nginx" {
		t.Errorf("%+v\n%s", s, out)
	}
}

func TestImportConcealsSecrets(t *testing.T) {
	const secret = "c2VjcmV0IHNlY3JldA"
	_, out, _ := runCommand(t, installation(t, []string{"--maxmind-license-key=" + secret}, map[string]string{"ssl-session-ticket-key": secret}), "import", "ingress-nginx")
	if !strings.Contains(out, "ssl-session-ticket-key") || strings.Contains(out, secret) {
		t.Error(out)
	}
}

func TestImportSaysWhatIsMissing(t *testing.T) {
	if status, _, errs := runCommand(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n", "import", "ingress-nginx"); status != 1 || !strings.Contains(errs, "neither a controller") {
		t.Errorf("%d %s", status, errs)
	}
	if status, _, errs := runCommand(t, "", "import", "ingress-nginx", "--kubeconfig", "x", "y"); status != 2 {
		t.Errorf("%d %s", status, errs)
	}
	if status, _, errs := runCommand(t, "", "import", "traefik"); status != 2 {
		t.Errorf("%d %s", status, errs)
	}
}

// TestReadCluster: the objects of a cluster are read like manifests, and what may
// not be listed is told.
func TestReadCluster(t *testing.T) {
	class := "nginx"
	api := dynamicfake.NewSimpleDynamicClient(kubernetesfake.Scheme,
		&networkingv1.Ingress{TypeMeta: metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "Ingress"}, ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}, Spec: networkingv1.IngressSpec{IngressClassName: &class}},
		&corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: metav1.ObjectMeta{Namespace: "ingress-nginx", Name: "ingress-nginx-controller"}, Data: map[string]string{"proxy-body-size": "2m"}},
	)
	api.PrependReactor("list", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "", nil)
	})
	var told []string
	texts, err := readCluster(t.Context(), api, func(err error) { told = append(told, err.Error()) })
	if err != nil {
		t.Fatal(err)
	}
	if len(told) != 1 || !strings.Contains(told[0], "secrets are left out") {
		t.Errorf("told %q", told)
	}
	objs := texts.Objects()
	if objs.Ingresses.Len() != 1 || len(objs.Problems) != 0 {
		t.Errorf("%d Ingresses, %v", objs.Ingresses.Len(), objs.Problems)
	}
	var from source
	translation, err := from.translation(texts, &objs)
	if err != nil || translation == nil {
		t.Fatal(translation, err)
	}
	var out bytes.Buffer
	if err := translation.WriteConfig(&out); err != nil || !strings.Contains(out.String(), "bodyBytes: 2097152") {
		t.Errorf("%v\n%s", err, out.String())
	}
}
