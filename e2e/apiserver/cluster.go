package apiserver

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"gatelodge.dev/e2e/namespace"
	"gatelodge.dev/e2e/process"
	"gatelodge.dev/e2e/programs"
)

// startTime is how long a start may take at most, on a busy machine.
const startTime = 2 * time.Minute

// A Cluster is a running API server with its etcd.
type Cluster struct {
	// Etcd and APIServer may be stopped and started apart; objects outlive both.
	Etcd, APIServer *process.Process
	// Client acts as the administrator, who has every right.
	Client kubernetes.Interface

	dir     string // keys, etcd's data, users' kubeconfigs
	token   string // the administrator's
	dynamic dynamic.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
}

// Start starts a cluster that is ready and empty, and ends it with the test.
func Start(t testing.TB) *Cluster {
	t.Helper()
	if !namespace.Inside() {
		t.Fatal("apiserver.Start: the TestMain of this package does not call apiserver.Main")
	}
	c := &Cluster{dir: t.TempDir(), token: rand.Text()}
	if err := c.prepare(t.Context(), t.ArtifactDir()); err != nil {
		t.Fatalf("preparing a cluster: %v", err)
	}
	t.Cleanup(func() { c.end(t) })
	c.Etcd.Start(t)
	c.APIServer.Start(t)
	c.WaitReady(t)
	return c
}

// prepare does everything that comes before the start of the servers.
func (c *Cluster) prepare(ctx context.Context, logs string) error {
	tokens := fmt.Sprintf("%s,admin,admin,\"system:masters\"\n", c.token)
	if err := os.WriteFile(c.file("tokens.csv"), []byte(tokens), 0o600); err != nil {
		return err
	}
	if err := writeKeyPair(c.file("apiserver.crt"), c.file("apiserver.key")); err != nil {
		return err
	}
	if err := c.writeKubeconfig("admin", c.token); err != nil {
		return err
	}
	if err := c.connect(); err != nil {
		return err
	}
	for _, server := range []struct {
		name    string
		args    []string
		process **process.Process
	}{
		{"etcd", c.etcdArgs(), &c.Etcd},
		{"kube-apiserver", c.apiserverArgs(), &c.APIServer},
	} {
		path, err := programs.Build(ctx, os.Stderr, server.name) // finds what Main built
		if err != nil {
			return err
		}
		*server.process = &process.Process{Name: server.name, Path: path, Args: server.args, Log: filepath.Join(logs, server.name+".log")}
	}
	return nil
}

// connect makes the administrator's clients, which dial only when they are used.
func (c *Cluster) connect() error {
	client, err := kubernetes.NewForConfig(c.AdminConfig())
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	c.Client = client
	c.dynamic, err = dynamic.NewForConfig(c.AdminConfig())
	if err != nil {
		return fmt.Errorf("making a dynamic client: %w", err)
	}
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery()))
	return nil
}

const etcdURL = "http://127.0.0.1:2379"

func (c *Cluster) etcdArgs() []string {
	const peers = "http://127.0.0.1:2380"
	return []string{
		"--name=e2e",
		"--data-dir=" + c.file("etcd"),
		"--unsafe-no-fsync", // nothing here outlives the machine
		"--listen-client-urls=" + etcdURL,
		"--advertise-client-urls=" + etcdURL,
		"--listen-peer-urls=" + peers,
		"--initial-advertise-peer-urls=" + peers,
		"--initial-cluster=e2e=" + peers,
		"--log-level=warn",
	}
}

func (c *Cluster) apiserverArgs() []string {
	return []string{
		"--etcd-servers=" + etcdURL,
		"--bind-address=" + serverAddress.String(),
		"--advertise-address=" + serverAddress.String(),
		"--secure-port=" + serverPort,
		"--tls-cert-file=" + c.file("apiserver.crt"),
		"--tls-private-key-file=" + c.file("apiserver.key"),
		"--authorization-mode=RBAC",
		"--token-auth-file=" + c.file("tokens.csv"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-signing-key-file=" + c.file("apiserver.key"), // one key does for both
		"--service-account-key-file=" + c.file("apiserver.crt"),
		"--service-cluster-ip-range=10.96.0.0/16",
		"--disable-admission-plugins=ServiceAccount", // it waits for a controller that does not run
	}
}

const serverPort = "6443"

// AdminConfig returns a client configuration of the administrator, without a
// limit on the rate of requests.
func (c *Cluster) AdminConfig() *rest.Config {
	return &rest.Config{
		Host:            serverURL(),
		BearerToken:     c.token,
		TLSClientConfig: rest.TLSClientConfig{CAFile: c.file("apiserver.crt")},
		QPS:             -1,
	}
}

func serverURL() string { return "https://" + net.JoinHostPort(serverAddress.String(), serverPort) }

// WaitReady waits until the API server says that it is ready and objects can be
// made in the namespace default. It fails the test if that takes too long, or if
// one of the servers has ended.
func (c *Cluster) WaitReady(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTime)
	defer cancel()
	var last error
	err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		for _, p := range []*process.Process{c.Etcd, c.APIServer} {
			if err := p.Crashed(); err != nil {
				return false, err
			}
		}
		ask, cancel := context.WithTimeout(ctx, 5*time.Second) // a server that lost its etcd would not answer
		defer cancel()
		_, last = c.Client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ask)
		if last == nil {
			_, last = c.Client.CoreV1().Namespaces().Get(ask, metav1.NamespaceDefault, metav1.GetOptions{})
		}
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("the API server does not get ready: %v; its last answer: %v", err, last)
	}
}

// Wipe makes the cluster forget every object, as if its store had been lost. Tokens
// of service accounts are no longer valid; the administrator's is.
func (c *Cluster) Wipe(t testing.TB) {
	t.Helper()
	c.APIServer.Stop()
	c.Etcd.Stop()
	if err := os.RemoveAll(c.file("etcd")); err != nil {
		t.Fatal(err)
	}
	c.Etcd.Start(t)
	c.APIServer.Start(t)
	c.WaitReady(t)
}

// end stops the servers, first the one that would wait for the other.
func (c *Cluster) end(t testing.TB) {
	for _, p := range []*process.Process{c.APIServer, c.Etcd} {
		p.Stop()
		if t.Failed() {
			t.Logf("the end of %s:\n%s", p.Log, p.Tail())
		}
	}
}

func (c *Cluster) file(name string) string { return filepath.Join(c.dir, name) }
