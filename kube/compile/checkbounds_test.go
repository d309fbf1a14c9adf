package compile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

// checkedApp is an Ingress whose endpoints are checked each second.
func checkedApp(namespace, name string, endpoints int) string {
	addresses := make([]string, endpoints)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("{addresses: [10.0.0.%d]}", i+1)
	}
	return fmt.Sprintf(`---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: %[2]s, namespace: %[1]s, annotations: {gatelodge.dev/health-check: tcp, gatelodge.dev/health-check-interval: 1s}}
spec: {rules: [{host: %[2]s.%[1]s.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: %[2]s, port: {number: 80}}}}]}}]}
---
apiVersion: v1
kind: Service
metadata: {name: %[2]s, namespace: %[1]s}
spec: {ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: %[2]s-1, namespace: %[1]s, labels: {kubernetes.io/service-name: %[2]s}}
addressType: IPv4
ports: [{port: 8080}]
endpoints: [%[3]s]
`, namespace, name, strings.Join(addresses, ", "))
}

// TestCheckBounds: of a namespace that wants more endpoints checked than it may,
// those of the backends that come first are, and the authors of routes to others
// are told; all are served, and other namespaces have theirs.
func TestCheckBounds(t *testing.T) {
	for name, bounds := range map[string]objects.Bounds{
		"number": {ChecksPerNamespace: 4},
		"rate":   {CheckRatePerNamespace: 4},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := &objects.Config{WithoutClass: true, Bounds: bounds}
			var builder Builder
			for _, c := range []struct {
				endpoints [3]int // of the backends a, b and c
				unchecked []string
			}{
				{[3]int{2, 2, 2}, []string{"c"}},
				{[3]int{1, 2, 2}, []string{"c"}},
				{[3]int{0, 2, 2}, nil},
				{[3]int{3, 2, 1}, []string{"b"}}, // c is what there is room for
				{[3]int{5, 2, 2}, []string{"a"}},
				{[3]int{1, 1, 1}, nil},
			} {
				text := checkedApp("other", "app", 4)
				for i, n := range c.endpoints {
					text += checkedApp("shop", string(rune('a'+i)), n)
				}
				snapshot := builder.Build(kubetest.Manifests(text), cfg)
				var unchecked, told []string
				for _, b := range snapshot.Backends.All() {
					if b.Check.Kind == gatelodge.CheckNone {
						unchecked = append(unchecked, b.Service)
					}
				}
				for _, p := range kubetest.Problems(snapshot) {
					if p.Reason == gatelodge.TooMuch {
						told = append(told, p.Object.Name)
					}
				}
				if !slices.Equal(unchecked, c.unchecked) || !slices.Equal(told, c.unchecked) {
					t.Errorf("with %v endpoints those of %v are not checked and %v are told, want %v", c.endpoints, unchecked, told, c.unchecked)
				}
			}
		})
	}
}
