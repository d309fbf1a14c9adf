//go:build debian

package cluster_test

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// startContainerd starts a node's containers, and gives it the images, for there
// is no registry.
func (c *cluster) startContainerd(ctx context.Context, n host, images []string) error {
	for from, to := range map[string]string{
		"containerd.toml": "containerd.toml",
		"kubelet.yaml":    "kubelet.yaml",
		"kube-proxy.yaml": "kube-proxy.yaml",
		"cni.conflist":    "cni/pods.conflist",
	} {
		if err := c.writeNodeFile(n, from, to); err != nil {
			return err
		}
	}
	if err := c.launch(n, n.name+"-containerd", "containerd", "--config", c.file(n.name, "containerd.toml")); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for _, image := range images {
		if err := c.await(ctx, "ctr", "--address", c.file(n.name, "containerd.sock"), "--namespace", "k8s.io", "images", "import", image); err != nil {
			return fmt.Errorf("%s: %w", n.name, err)
		}
	}
	return nil
}

// writeNodeFile writes a file of testdata with a node's own values.
func (c *cluster) writeNodeFile(n host, from, to string) error {
	content, err := os.ReadFile("testdata/" + from)
	if err != nil {
		return err
	}
	values := strings.NewReplacer("@DIR@", c.file(n.name), "@NODE@", n.name, "@PODS@", n.pods.String(), "@KUBECONFIG@", c.kubeconfig("kube-proxy"))
	if err := os.MkdirAll(c.file(n.name, "cni"), 0o755); err != nil {
		return err
	}
	return os.WriteFile(c.file(n.name, to), []byte(values.Replace(string(content))), 0o644)
}

// startNode makes a node of a host whose containerd runs.
func (c *cluster) startNode(n host) error {
	if err := c.launch(n, n.name+"-kubelet", program("kubelet"),
		"--config="+c.file(n.name, "kubelet.yaml"),
		"--kubeconfig="+c.kubeconfig(n.name),
		"--hostname-override="+n.name,
		"--node-ip="+n.address.String(),
		"--root-dir="+c.file(n.name, "kubelet"),
		"--cert-dir="+c.file(n.name, "pki"),
	); err != nil {
		return err
	}
	return c.launch(n, n.name+"-kube-proxy", program("kube-proxy"), "--config="+c.file(n.name, "kube-proxy.yaml"))
}
