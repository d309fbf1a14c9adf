package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/cluster"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/report"
)

// serviceAccountNamespace is where a pod finds the name of its namespace.
const serviceAccountNamespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// clients are clients of the API server, for built-in and for custom resources.
type clients struct {
	builtIn kubernetes.Interface
	custom  dynamic.Interface
}

// connect returns clients of the API server of a kubeconfig, or of the cluster that the
// process runs in if kubeconfig is empty. namespace is the gateway's: POD_NAMESPACE, or
// else the client's default.
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
	config.QPS, config.Burst = 200, 400 // a leader may write the status of thousands of Ingresses
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
			return nil, "", usageError{errors.New("outside a cluster, serve needs --kubeconfig FILE or --manifests DIR")}
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

// clusterMember is a gateway that is one of the replicas of its instance in a
// cluster.
type clusterMember struct {
	g        *gateway
	cluster  *cluster.Cluster
	watch    *cluster.Watch
	replica  *cluster.Replica
	reporter *report.Reporter
}

func (m *clusterMember) waiting() string                      { return m.watch.Waiting() }
func (m *clusterMember) previousRecord() *objects.GuardRecord { return nil }
func (m *clusterMember) previousClaims() objects.Holdings     { return objects.Holdings{} }

func (m *clusterMember) served(snapshot *gatelodge.Snapshot, from objects.Objects) {
	m.reporter.Served(snapshot, from)
	m.replica.Served(snapshot)
}

func (m *clusterMember) confirmed(ctx context.Context, hash string) error {
	return m.cluster.ConfirmGuard(ctx, hash)
}

func (m *clusterMember) leave(ctx context.Context, addresses []netip.Addr, until time.Time) error {
	return m.cluster.PutLeaving(ctx, addresses, until)
}

func (m *clusterMember) renewLease(ctx context.Context) error { return m.replica.Run(ctx) }

func (m *clusterMember) joinElection(ctx context.Context) error {
	return m.cluster.Election().Lead(ctx, func(ctx context.Context) {
		m.g.lead(ctx, m.reporter.Run, m.cluster.SweepReplicas,
			func(ctx context.Context) { m.g.guard.Keep(ctx, m.cluster.PutGuardRecord) },
			func(ctx context.Context) { m.g.guard.KeepNames(ctx, m.cluster.PutClaims) })
	})
}

// join makes the gateway, which has no source yet, a clusterMember.
func (g *gateway) join(api clients, namespace string) error {
	member := cluster.New(api.builtIn, cluster.Config{
		Name:       g.config.Load().Name,
		Namespace:  namespace,
		Pod:        identity(),
		Log:        g.log,
		Candidate:  g.child.Family(),
		Custom:     api.custom,
		Registerer: g.registry,
	})
	watch := member.Watch(g.kubeConfig, g.guard.Reader)
	g.source = watch
	g.platform = &clusterMember{g, member, watch, member.Replica(), report.NewReporter(member)}
	g.useStore(member.Store(), member.AwaitServed)
	if folder := g.config.Load().State; folder != "" {
		return g.keepLastGood(folder)
	}
	return nil
}
