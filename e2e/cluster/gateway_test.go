//go:build debian

package cluster_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"gatelodge.dev/e2e/undertest"
)

const (
	chart   = "../../deploy/chart"
	install = "../../deploy/install.yaml"
)

// installManifest is deploy/install.yaml, as a user applies it.
func installManifest() string {
	manifest, err := os.ReadFile(install)
	if err != nil {
		panic(err) // it is part of the repository
	}
	return string(manifest)
}

// helmInstall installs the chart in a namespace of the restricted Pod Security
// level, or changes what is installed, and waits until it is ready. What the test
// installs goes with it.
func helmInstall(t *testing.T, namespace, release, values string) {
	t.Helper()
	restrictedNamespace(t, namespace)
	t.Cleanup(func() {
		control.run(context.Background(), "helm", "uninstall", release, "--namespace", namespace, "--wait=false") // absent if the install failed
	})
	helmUpgrade(t, namespace, release, values)
}

func helmUpgrade(t *testing.T, namespace, release, values string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "helm", "upgrade", "--install", release, chart, "--namespace", namespace, "--values", "-")
	cmd.Stdin = strings.NewReader(values)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("helm upgrade: %v\n%s", err, out)
	}
	awaitRollout(t, namespace, release)
}

// awaitRollout waits until the pods of a Deployment are those it wants.
func awaitRollout(t *testing.T, namespace, deployment string) {
	t.Helper()
	kubectl(t, "-n", namespace, "rollout", "status", "deployment/"+deployment, "--timeout", startTime.String())
}

// restrictedNamespace makes a namespace that admits only pods of the restricted
// Pod Security level, and deletes it with the test.
func restrictedNamespace(t *testing.T, name string) {
	t.Helper()
	apply(t, fmt.Sprintf(`apiVersion: v1
kind: Namespace
metadata: {name: %s, labels: {pod-security.kubernetes.io/enforce: restricted}}
`, name))
	tellOnFailure(t, name)
	t.Cleanup(func() { deleteNamespace(t, name) })
}

// deleteNamespace ends the pods first: of a namespace that has some, the
// controller looks again only after half of their grace period.
func deleteNamespace(t *testing.T, name string) {
	t.Helper()
	kubectl(t, "-n", name, "delete", "deployments", "--all", "--cascade=foreground", "--wait=false")
	kubectl(t, "-n", name, "delete", "pods", "--all", "--now", "--wait")
	kubectl(t, "delete", "namespace", name, "--ignore-not-found", "--timeout", startTime.String())
}

// serviceAddress waits until MetalLB has given a Service its address.
func serviceAddress(t *testing.T, namespace, service string) (address string) {
	t.Helper()
	undertest.AwaitWithin(t, startTime, "an address of Service "+namespace+"/"+service, func() error {
		address = kubectl(t, "-n", namespace, "get", "service", service, "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}")
		if address == "" {
			return fmt.Errorf("it has none")
		}
		return nil
	})
	return address
}

// startBackend runs an application of two pods, and an Ingress for it.
func startBackend(t *testing.T, namespace, class, host string) {
	t.Helper()
	restrictedNamespace(t, namespace)
	apply(t, fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: %[1]s}
spec:
  replicas: 2
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: app
        image: %[2]s
        args: [netexec, --http-port=8080]
        ports: [{name: http, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1, timeoutSeconds: 10}
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
---
apiVersion: v1
kind: Service
metadata: {name: app, namespace: %[1]s}
spec: {selector: {app: app}, ports: [{name: http, port: 80, targetPort: http}]}
`+"---\n"+ingress, namespace, backendImage, class, host, "app"))
	kubectl(t, "-n", namespace, "rollout", "status", "deployment/app", "--timeout", startTime.String())
}

// ingress is the manifest of an Ingress, for fmt: namespace, nothing, class,
// host and name.
const ingress = `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: %[5]s, namespace: %[1]s}
spec:
  ingressClassName: %[3]s
  tls: [{hosts: [%[4]q]}]
  rules: [{host: %[4]q, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: app, port: {name: http}}}}]}}]
`
