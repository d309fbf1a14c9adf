// Package api_test runs gateways against a real Kubernetes API server, with
// RBAC on and no other rights than those of deploy/rbac.yaml.
package api_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"gatelodge.dev/e2e/apiserver"
	"gatelodge.dev/e2e/undertest"
)

func TestMain(m *testing.M) {
	os.Exit(undertest.Main(func() int { return apiserver.Main(m) }, "helm", "pebble"))
}

// manifest reads a file of deploy/.
func manifest(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// startCluster starts a cluster with the rights and the class of a gateway, and
// the namespace "shop".
func startCluster(t *testing.T) *apiserver.Cluster {
	t.Helper()
	cluster := apiserver.Start(t)
	cluster.Apply(t, manifest(t, "rbac.yaml"))
	awaitRight(t, cluster, authorizationv1.ResourceAttributes{Verb: "create", Resource: "events", Namespace: "shop"})
	awaitRight(t, cluster, authorizationv1.ResourceAttributes{Verb: "watch", Resource: "configmaps", Namespace: "gatelodge"})
	cluster.Apply(t, manifest(t, "example/ingressclass.yaml"))
	cluster.Apply(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")
	return cluster
}

// awaitRight waits until the gateway's account may do something: the API server
// heeds a new role a moment after it has taken it.
func awaitRight(t *testing.T, cluster *apiserver.Cluster, right authorizationv1.ResourceAttributes) {
	t.Helper()
	awaitReview(t, cluster, right, true)
}

// awaitNoRight waits until the gateway's account may no longer do something.
func awaitNoRight(t *testing.T, cluster *apiserver.Cluster, right authorizationv1.ResourceAttributes) {
	t.Helper()
	awaitReview(t, cluster, right, false)
}

func awaitReview(t *testing.T, cluster *apiserver.Cluster, right authorizationv1.ResourceAttributes, allowed bool) {
	t.Helper()
	undertest.Await(t, fmt.Sprintf("the right to %s %s to be %t", right.Verb, right.Resource, allowed), func() error {
		review, err := cluster.Client.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{User: "system:serviceaccount:gatelodge:gatelodge", ResourceAttributes: &right},
		}, metav1.CreateOptions{})
		if err == nil && review.Status.Allowed != allowed {
			err = fmt.Errorf("allowed: %t: %s", review.Status.Allowed, review.Status.Reason)
		}
		return err
	})
}

// gatewayConfig announces addresses that are written down, and leaves at once.
const gatewayConfig = `
views: [{name: default, addresses: [192.0.2.10]}]
dns:
  addresses: [192.0.2.53]
  zones: [{name: example.test, nameservers: [ns1]}]
drain: {delay: 0s, timeout: 1s, tunnels: 1s}
`

// configFile writes a configuration into a file of its own.
func configFile(t *testing.T, config string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	undertest.WriteFile(t, file, config)
	return file
}

// launch starts "gatelodge serve" as a pod, with a configuration file, more args,
// and its listeners at free addresses, and ends it with the test.
func launch(t *testing.T, pod, file string, args ...string) *undertest.Gateway {
	t.Helper()
	g := undertest.New(t)
	g.Name, g.Env = pod, []string{"POD_NAME=" + pod, "POD_NAMESPACE=gatelodge"}
	g.Run(append(append([]string{"serve", "--config", file}, g.Flags()...), args...)...)
	return g
}

// start is launch, and waits until the gateway is ready.
func start(t *testing.T, pod, file string, args ...string) *undertest.Gateway {
	t.Helper()
	g := launch(t, pod, file, args...)
	g.AwaitReady()
	return g
}
