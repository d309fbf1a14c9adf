package manifests

import (
	"strings"
	"testing"
)

// TestWhatDoesNotDecodeIsSaidInWordsOfTheManifest, not in those of Go.
func TestWhatDoesNotDecodeIsSaidInWordsOfTheManifest(t *testing.T) {
	for _, test := range []struct{ what, manifest, want string }{
		{"a port without its name or number", `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: 8080}}}]}}]}
`, "Ingress has a number in spec.rules.http.paths.backend.service.port, expected a mapping with name or number"},
		{"a number in quotes", `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: "80"}}}}]}}]}
`, "Ingress has a text in spec.rules.http.paths.backend.service.port.number, expected a number without quotes"},
		{"a value without quotes", `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, annotations: {nginx.ingress.kubernetes.io/limit-rps: 20}}
`, "Ingress has a number in metadata.annotations, expected a text, in quotes"},
		{"a switch without quotes", `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, annotations: {nginx.ingress.kubernetes.io/ssl-redirect: false}}
`, "Ingress has true or false without quotes in metadata.annotations, expected a text, in quotes"},
		{"a list", `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, annotations: [{nginx.ingress.kubernetes.io/app-root: /x}]}
`, "Ingress has a list in metadata.annotations, expected a mapping of names to texts"},
		{"an Ingress of an API that is gone", `
apiVersion: extensions/v1beta1
kind: Ingress
metadata: {name: web}
spec: {rules: [{http: {paths: [{backend: {serviceName: web, servicePort: 80}}]}}]}
`, `Ingress has apiVersion "extensions/v1beta1", expected "networking.k8s.io/v1": Kubernetes 1.22 has no older one; write service.name and service.port in place of serviceName and servicePort`},
	} {
		problems := ReadManifest("web.yaml", []byte(test.manifest), nil).problems()
		if len(problems) != 1 || !strings.Contains(problems[0].Message, test.want) || strings.Contains(problems[0].Message, "Go struct") {
			t.Errorf("%s: problems %v, want one with %q", test.what, problems, test.want)
		}
	}
}
