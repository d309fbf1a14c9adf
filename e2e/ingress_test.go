package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"gatelodge.dev/e2e/undertest"
)

// pathExamples are the rows, all of them, of the table "Examples" under "Path
// types" in the Kubernetes documentation of Ingress
// (content/en/docs/concepts/services-networking/ingress.md of kubernetes/website
// at 07c273877666959b3db7975f3c5232ab1c42d64b).
var pathExamples = []struct {
	paths    []string // each with its type
	requests []string
	want     string // the path whose backend answers; "" for the default backend
}{
	{[]string{"Prefix /"}, []string{"/", "/any", "/any/path"}, "Prefix /"},
	{[]string{"Exact /foo"}, []string{"/foo"}, "Exact /foo"},
	{[]string{"Exact /foo"}, []string{"/bar"}, ""},
	{[]string{"Exact /foo"}, []string{"/foo/"}, ""},
	{[]string{"Exact /foo/"}, []string{"/foo"}, ""},
	{[]string{"Prefix /foo"}, []string{"/foo", "/foo/"}, "Prefix /foo"},
	{[]string{"Prefix /foo/"}, []string{"/foo", "/foo/"}, "Prefix /foo/"},
	{[]string{"Prefix /aaa/bb"}, []string{"/aaa/bbb"}, ""},
	{[]string{"Prefix /aaa/bbb"}, []string{"/aaa/bbb"}, "Prefix /aaa/bbb"},
	{[]string{"Prefix /aaa/bbb/"}, []string{"/aaa/bbb"}, "Prefix /aaa/bbb/"},
	{[]string{"Prefix /aaa/bbb"}, []string{"/aaa/bbb/"}, "Prefix /aaa/bbb"},
	{[]string{"Prefix /aaa/bbb"}, []string{"/aaa/bbb/ccc"}, "Prefix /aaa/bbb"},
	{[]string{"Prefix /aaa/bbb"}, []string{"/aaa/bbbxyz"}, ""},
	{[]string{"Prefix /", "Prefix /aaa"}, []string{"/aaa/ccc"}, "Prefix /aaa"},
	{[]string{"Prefix /", "Prefix /aaa", "Prefix /aaa/bbb"}, []string{"/aaa/bbb"}, "Prefix /aaa/bbb"},
	{[]string{"Prefix /", "Prefix /aaa", "Prefix /aaa/bbb"}, []string{"/ccc"}, "Prefix /"},
	{[]string{"Prefix /aaa"}, []string{"/ccc"}, ""},
	{[]string{"Prefix /foo", "Exact /foo"}, []string{"/foo"}, "Exact /foo"},
}

// wildcardExamples are the rows of the table under "Hostname wildcards" there.
var wildcardExamples = []struct{ rule, host, want string }{
	{"*.foo.com", "bar.foo.com", "wildcard"},
	{"*.foo.com", "baz.bar.foo.com", ""},
	{"*.foo.com", "foo.com", ""},
}

// TestDocumentedExamples sends a request for each row of the tables in the
// Kubernetes documentation, over HTTP and HTTPS, from manifests to backends. A
// host that no rule has is served by the default backend over HTTPS too.
func TestDocumentedExamples(t *testing.T) {
	t.Parallel()
	manifests, services := classManifest, make(map[string]string)
	backend := func(name string) (reference string) {
		if services[name] == "" {
			services[name] = fmt.Sprintf("b%d", len(services))
			manifests += service(services[name], startBackend(t, name))
		}
		return fmt.Sprintf("{service: {name: %s, port: {number: 80}}}", services[name])
	}
	rules := ""
	rule := func(host string, paths ...string) {
		rules += fmt.Sprintf("  - host: %q\n    http:\n      paths:\n", host)
		for _, path := range paths {
			kind, path, _ := strings.Cut(path, " ")
			name := kind + " " + path
			if host == "*.foo.com" {
				name = "wildcard"
			}
			rules += fmt.Sprintf("      - {path: %s, pathType: %s, backend: %s}\n", path, kind, backend(name))
		}
	}
	for i, example := range pathExamples {
		rule(fmt.Sprintf("row%d.example.com", i), example.paths...)
	}
	rule("*.foo.com", "Prefix /")
	fallback := backend("default")
	manifests += fmt.Sprintf(`---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: examples, namespace: shop}
spec:
  ingressClassName: gatelodge
  defaultBackend: %s
  rules:
%s---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: default, namespace: shop}
spec: {ingressClassName: gatelodge, defaultBackend: %s}
`, fallback, rules, fallback)

	folder := t.TempDir()
	write(t, folder, "examples.yaml", manifests)
	g := undertest.Start(t, "serve", "--manifests", folder)
	client := g.Client()
	client.Transport.(*http.Transport).TLSClientConfig.InsecureSkipVerify = true // the certificate is made on the spot
	ask := func(url, want string) {
		t.Helper()
		if want == "" {
			want = "default"
		}
		if status, body, err := undertest.Get(client, url); err != nil || status != http.StatusOK || body != want {
			t.Errorf("%s: %d from the backend of %q, want that of %q: %v", url, status, body, want, err)
		}
	}
	for _, scheme := range []string{"http://", "https://"} {
		for i, example := range pathExamples {
			for _, request := range example.requests {
				ask(fmt.Sprintf("%srow%d.example.com%s", scheme, i, request), example.want)
			}
		}
		for _, example := range wildcardExamples {
			ask(scheme+example.host+"/", example.want)
		}
		ask(scheme+"nobody.example.org/any", "")
	}
}
