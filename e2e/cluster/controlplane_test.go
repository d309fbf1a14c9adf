//go:build debian

package cluster_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatelodge.dev/e2e/process"
	"gatelodge.dev/e2e/programs"
)

// startTime is how long a start may take at most, on a busy machine.
const startTime = 5 * time.Minute

// users are the API server's users other than pods, with their groups.
var users = []struct{ name, user, groups string }{
	{"admin", "admin", "system:masters"},
	{"kube-controller-manager", "system:kube-controller-manager", ""},
	{"kube-scheduler", "system:kube-scheduler", ""},
	{"kube-proxy", "system:kube-proxy", ""},
	{"node1", "system:node:node1", "system:nodes"},
	{"node2", "system:node:node2", "system:nodes"},
}

// A cluster is the Kubernetes that all tests share.
type cluster struct {
	dir     string // keys, kubeconfigs, logs, containers
	running []*process.Process
}

func (c *cluster) file(names ...string) string {
	return filepath.Join(append([]string{c.dir}, names...)...)
}

func (c *cluster) kubeconfig(user string) string { return c.file(user + ".kubeconfig") }

// start starts all of Kubernetes and waits until it is ready for pods.
func (c *cluster) start(ctx context.Context, images []string) error {
	if err := c.writeIdentities(); err != nil {
		return err
	}
	if err := c.startAPIServer(); err != nil {
		return err
	}
	for _, n := range nodes {
		if err := c.startContainerd(ctx, n, images); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if err := c.await(ctx, "kubectl", "get", "--raw", "/readyz"); err != nil {
		return err
	}
	if err := c.startControllers(); err != nil {
		return err
	}
	if err := c.await(ctx, "kubectl", "create", "clusterrolebinding", "kube-proxy", "--clusterrole=system:node-proxier", "--user=system:kube-proxy"); err != nil {
		return err
	}
	for _, n := range nodes {
		if err := c.startNode(n); err != nil {
			return err
		}
	}
	for _, n := range nodes {
		if err := c.await(ctx, "kubectl", "wait", "--for=condition=Ready", "node/"+n.name, "--timeout=5s"); err != nil {
			return err
		}
	}
	return nil
}

// launch starts one of the cluster's programs on a host.
func (c *cluster) launch(h host, name, path string, args ...string) error {
	p := &process.Process{Name: name, Path: path, Args: args, Log: c.file("log", name+".log"), Network: h.network()}
	if err := p.Launch(); err != nil {
		return err
	}
	c.running = append(c.running, p)
	return nil
}

// await tries a command until it works.
func (c *cluster) await(ctx context.Context, name string, args ...string) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := control.run(ctx, name, args...)
		if err == nil {
			return nil
		}
		for _, p := range c.running {
			if crash := p.Crashed(); crash != nil {
				return fmt.Errorf("%w\n%s", crash, p.Tail())
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}

// writeIdentities writes what the servers and their clients know each other by.
// The API server makes its own certificate.
func (c *cluster) writeIdentities() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making the key of service accounts: %w", err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encoding the key of service accounts: %w", err)
	}
	if err := os.WriteFile(c.file("accounts.key"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		return err
	}
	var tokens strings.Builder
	for _, u := range users {
		token := rand.Text()
		fmt.Fprintf(&tokens, "%s,%s,%s,%q\n", token, u.user, u.name, u.groups)
		config := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: e2e, cluster: {server: "https://%s:6443", certificate-authority: %q}}]
users: [{name: user, user: {token: %s}}]
contexts: [{name: e2e, context: {cluster: e2e, user: user}}]
current-context: e2e
`, control.address, c.file("certs", "apiserver.crt"), token)
		if err := os.WriteFile(c.kubeconfig(u.name), []byte(config), 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(c.file("tokens.csv"), []byte(tokens.String()), 0o600)
}

func (c *cluster) startAPIServer() error {
	const etcd, peers = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
	if err := c.launch(control, "etcd", program("etcd"),
		"--name=e2e",
		"--data-dir="+c.file("etcd"),
		"--unsafe-no-fsync", // nothing here outlives the machine
		"--listen-client-urls="+etcd,
		"--advertise-client-urls="+etcd,
		"--listen-peer-urls="+peers,
		"--initial-advertise-peer-urls="+peers,
		"--initial-cluster=e2e="+peers,
		"--log-level=warn",
	); err != nil {
		return err
	}
	return c.launch(control, "kube-apiserver", program("kube-apiserver"),
		"--etcd-servers="+etcd,
		"--cert-dir="+c.file("certs"),
		"--advertise-address="+control.address.String(),
		"--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--token-auth-file="+c.file("tokens.csv"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+c.file("accounts.key"),
		"--service-account-signing-key-file="+c.file("accounts.key"),
		"--allow-privileged=true",
		"--kubelet-preferred-address-types=InternalIP",
		"--enable-aggregator-routing=true", // no kube-proxy runs here, so webhooks are called at their pods
	)
}

func (c *cluster) startControllers() error {
	if err := c.launch(control, "kube-controller-manager", program("kube-controller-manager"),
		"--kubeconfig="+c.kubeconfig("kube-controller-manager"),
		"--use-service-account-credentials=true",
		"--service-account-private-key-file="+c.file("accounts.key"),
		"--root-ca-file="+c.file("certs", "apiserver.crt"),
		"--leader-elect=false",
		"--bind-address=127.0.0.1",
		"--cert-dir="+c.file("certs"),
	); err != nil {
		return err
	}
	return c.launch(control, "kube-scheduler", program("kube-scheduler"),
		"--kubeconfig="+c.kubeconfig("kube-scheduler"),
		"--leader-elect=false",
		"--bind-address=127.0.0.1",
		"--cert-dir="+c.file("certs"),
	)
}

// program finds what prepare built.
func program(name string) string {
	path, err := programs.Build(context.Background(), os.Stderr, name)
	if err != nil {
		panic(err) // it was built before the namespace was made
	}
	return path
}
