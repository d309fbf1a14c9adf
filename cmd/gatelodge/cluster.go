package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/cluster"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/report"
	"gatelodge.dev/kube/state"
)

// serviceAccountNamespace is where a pod finds the name of its namespace.
const serviceAccountNamespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// clients ask the API server for what is built in and for custom resources.
type clients struct {
	builtIn kubernetes.Interface
	custom  dynamic.Interface
}

// connect makes clients of the API server that a kubeconfig names, or that of
// the cluster which the process runs in if kubeconfig is empty. namespace is
// that of the gateway: POD_NAMESPACE, or else the client's own.
func connect(kubeconfig string) (c clients, namespace string, err error) {
	config, namespace, err := clientConfig(kubeconfig)
	if err != nil {
		return clients{}, "", err
	}
	if own := os.Getenv("POD_NAMESPACE"); own != "" {
		namespace = own
	}
	config.UserAgent = "gatelodge/" + buildInfo().version
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.QPS, config.Burst = 50, 100 // a leader may have the status of thousands of Ingresses to write
	c.builtIn, err = kubernetes.NewForConfig(config)
	if err != nil {
		return clients{}, "", fmt.Errorf("making a client of the Kubernetes API: %w", err)
	}
	c.custom, err = dynamic.NewForConfig(config)
	if err != nil {
		return clients{}, "", fmt.Errorf("making a client of the Kubernetes API: %w", err)
	}
	return c, namespace, nil
}

func clientConfig(kubeconfig string) (*rest.Config, string, error) {
	if kubeconfig == "" {
		config, err := rest.InClusterConfig()
		if errors.Is(err, rest.ErrNotInCluster) {
			return nil, "", usageError{errors.New("outside of a cluster, serve needs --kubeconfig FILE or --manifests DIR")}
		} else if err != nil {
			return nil, "", fmt.Errorf("reading the pod's service account: %w", err)
		}
		namespace, err := os.ReadFile(serviceAccountNamespace)
		if err != nil {
			return nil, "", fmt.Errorf("reading the pod's namespace: %w", err)
		}
		return config, strings.TrimSpace(string(namespace)), nil
	}
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: kubeconfig}, nil)
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, "", fmt.Errorf("reading the kubeconfig %s: %w", kubeconfig, err)
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, "", fmt.Errorf("reading the kubeconfig %s: %w", kubeconfig, err)
	}
	return config, namespace, nil
}

// join makes the gateway, which has no source yet, one of the replicas of its
// instance in a cluster.
func (g *gateway) join(api clients, namespace string, log *slog.Logger) error {
	member := cluster.New(api.builtIn, cluster.Config{
		Name:       g.config.Load().Name,
		Namespace:  namespace,
		Pod:        identity(),
		Log:        log,
		Custom:     api.custom,
		Registerer: g.registry,
	})
	watch := member.Watch(func() *objects.Config { return &g.config.Load().Kube }, g.guard.Reader)
	reporter := report.NewReporter(member)
	replica := member.Replica()
	g.source, g.waiting = watch, watch.Waiting
	g.served = func(snapshot *gatelodge.Snapshot, from objects.Objects) {
		reporter.Served(snapshot, from)
		replica.Served(snapshot)
	}
	g.attest = replica.Run
	if dir := g.config.Load().State; dir != "" {
		source, err := state.NewLastGood(watch, dir, log)
		if err != nil {
			return err
		}
		g.source, g.keep, g.guard.Recall = source, source.Served, source.Recall
	}
	store := member.Store()
	g.shareKeys(store)
	g.confirmed = member.ConfirmGuard
	issuer := g.newIssuer(store, member.AwaitServed)
	g.takePart = func(ctx context.Context) error {
		return member.Election().Lead(ctx, func(ctx context.Context) {
			var leading sync.WaitGroup
			leading.Go(func() { reporter.Run(ctx) })
			leading.Go(func() { member.SweepReplicas(ctx) })
			leading.Go(func() { g.leadKeys(ctx) })
			leading.Go(func() { issuer.Run(ctx) })
			leading.Go(func() { g.guard.Keep(ctx, member.PutGuardRecord) })
			leading.Wait()
		})
	}
	return nil
}
