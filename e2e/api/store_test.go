package api_test

import (
	"log/slog"
	"testing"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/cluster"
	"gatelodge.dev/kube/storetest"
)

// TestClusterStore looks inside, for once: what compares and swaps is the API
// server.
func TestClusterStore(t *testing.T) {
	api := startCluster(t)
	config, err := clientcmd.BuildConfigFromFlags("", api.Kubeconfig(t, us))
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	instance := func(name string) *cluster.Store {
		return cluster.New(client, cluster.Config{
			Name: name, Namespace: "gatelodge", Pod: "a", Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		}).Store()
	}
	storetest.Test(t, instance("gatelodge"))

	t.Run("instances keep theirs apart", func(t *testing.T) {
		version, err := instance("gatelodge-b").Put(t.Context(), "tickets", gatelodge.Item{})
		if err != nil {
			t.Fatal(err)
		}
		if item, err := instance("gatelodge").Get(t.Context(), "b-tickets"); err == nil {
			t.Errorf("got the item of another instance: %v, version %s", item, version)
		}
	})
}
