package sidebyside

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatelodge.dev/e2e/undertest"
)

// users is an htpasswd file of anna, whose password is "secret".
const users = "anna:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"

// Gateway starts a gateway that serves the cases, and returns its HTTP address.
func Gateway(t *testing.T, cases []Case) string {
	t.Helper()
	address, port, err := net.SplitHostPort(Backend(t))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: gatelodge}
spec: {controller: gatelodge.dev/ingress-controller}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 80, targetPort: %s}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: ["%s"]}]
ports: [{port: %s}]
---
apiVersion: v1
kind: Service
metadata: {name: errors, namespace: shop}
spec: {ports: [{port: 80, targetPort: %s}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: errors-1, namespace: shop, labels: {kubernetes.io/service-name: errors}}
addressType: IPv4
endpoints: [{addresses: ["%s"]}]
ports: [{port: %s}]
---
apiVersion: v1
kind: Service
metadata: {name: down, namespace: shop}
spec: {ports: [{port: 80, targetPort: 1}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: down-1, namespace: shop, labels: {kubernetes.io/service-name: down}}
addressType: IPv4
endpoints: [{addresses: ["127.0.0.1"]}]
ports: [{port: 1}]
---
apiVersion: v1
kind: Secret
metadata: {name: users, namespace: shop}
stringData: {auth: %q}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: fields, namespace: shop}
data: {X-Custom: "a b", X-Back: "ours"}
`, port, address, port, port, address, port, users)
	for i := range cases {
		cases[i].writeIngress(&b, i)
	}
	folder, config := t.TempDir(), filepath.Join(t.TempDir(), "gateway.yaml")
	undertest.WriteFile(t, filepath.Join(folder, "cases.yaml"), b.String())
	undertest.WriteFile(t, config, "apiVersion: gatelodge.dev/v1alpha1\nkind: GatewayConfig\ningress: {snippets: parsed}\n")
	return undertest.Start(t, "serve", "--manifests", folder, "--config", config).HTTP
}

// writeIngress writes the Ingress of a case.
func (c *Case) writeIngress(b *strings.Builder, i int) {
	fmt.Fprintf(b, "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: case%d\n  namespace: shop\n  annotations:\n", i)
	for _, name := range slices.Sorted(maps.Keys(c.Annotations)) {
		fmt.Fprintf(b, "    nginx.ingress.kubernetes.io/%s: %q\n", name, c.Annotations[name])
	}
	fmt.Fprintf(b, "spec:\n  ingressClassName: gatelodge\n  rules:\n  - host: %s\n    http:\n      paths:\n", host(i))
	kind := "Prefix"
	if c.Regex {
		kind = "ImplementationSpecific"
	}
	for _, path := range slices.Backward(c.paths()) { // the order of an Ingress means nothing
		fmt.Fprintf(b, "      - {path: %q, pathType: %s, backend: {service: {name: %s, port: {number: 80}}}}\n", path, kind, cmp.Or(c.Service, "web"))
	}
}

func (c *Case) paths() []string {
	if len(c.Paths) == 0 {
		return []string{"/"}
	}
	return c.Paths
}
