//go:build debian

package cluster_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"gatelodge.dev/e2e/namespace"
	"gatelodge.dev/e2e/programs"
)

// folder names the variable that holds the folder of the tests' files.
const folder = "GATELODGE_E2E_FOLDER"

// kubernetes is the cluster that the tests share for as long as they run.
var kubernetes *cluster

var pause = flag.Bool("pause", false, "keep the cluster after the tests until interrupted, and say how to get in")

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		if !namespace.Inside() {
			dir, err := os.MkdirTemp("", "gatelodge-cluster-")
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
			defer os.RemoveAll(dir)
			os.Setenv(folder, dir)
			defer removeNewCgroups(containerCgroups())
		}
		kubernetes = &cluster{dir: filepath.Join(os.Getenv(folder), "cluster")}
		return namespace.Machine(prepare, func() (int, error) {
			if err := setUp(); err != nil {
				return 0, err
			}
			code := m.Run()
			if *pause {
				waitForInterrupt()
			}
			return code, nil
		})
	}())
}

// prepare builds all that needs the network, or a Go build cache.
func prepare() error {
	ctx := context.Background()
	for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl", "helm"} {
		if _, err := programs.Build(ctx, os.Stderr, name); err != nil {
			return err
		}
	}
	return buildImages(ctx)
}

// setUp makes the machine that the tests run on.
func setUp() error {
	// Containers, what etcd writes, and what the CNI plugins remember, stay in
	// memory and go with the mounts.
	for _, dir := range []string{kubernetes.dir, "/var/lib/cni"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755"); err != nil {
			return fmt.Errorf("mounting %s: %w", dir, err)
		}
	}
	if err := os.Mkdir(kubernetes.file("log"), 0o755); err != nil {
		return err
	}
	if err := setUpNetwork(); err != nil {
		return err
	}
	if err := startRouter(); err != nil {
		return err
	}
	if err := useCompanyDNS(); err != nil {
		return err
	}
	path := filepath.Dir(program("kubectl")) + ":" + filepath.Dir(program("helm")) + ":" + os.Getenv("PATH")
	for name, value := range map[string]string{"PATH": path, "KUBECONFIG": kubernetes.kubeconfig("admin")} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return kubernetes.start(context.Background(), images())
}

// useCompanyDNS has every program ask the company's DNS server for names.
func useCompanyDNS() error {
	file := kubernetes.file("resolv.conf")
	if err := os.WriteFile(file, []byte("nameserver "+corp.address.String()+"\n"), 0o644); err != nil {
		return err
	}
	if err := unix.Mount(file, "/etc/resolv.conf", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting /etc/resolv.conf: %w", err)
	}
	return nil
}

// waitForInterrupt prints how to get into the cluster. The tests are the first
// process of their namespace, and an ordinary one outside.
func waitForInterrupt() {
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, os.Interrupt)
	fmt.Fprintf(os.Stderr, `The cluster stays until Ctrl-C. A shell in it:
  nsenter --target $(pgrep --newest cluster.test) --net --mount --pid env KUBECONFIG=%s PATH=%s bash
and one on a client of the LAN, in there:
  nsenter --net=%s bash
`, os.Getenv("KUBECONFIG"), os.Getenv("PATH"), client.network())
	<-interrupt
}
