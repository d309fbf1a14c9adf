//go:build debian

package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatelodge.dev/e2e/programs"
	"gatelodge.dev/e2e/undertest"
)

// metallbVersion is that of e2e/programs/metallb.
const metallbVersion = "v0.16.2"

// buildMetalLB makes the images of MetalLB, and takes the manifest that comes
// with it.
func buildMetalLB(ctx context.Context, dir string) error {
	for _, name := range []string{"controller", "speaker"} {
		program, err := programs.Build(ctx, os.Stderr, "metallb-"+name)
		if err != nil {
			return err
		}
		if err := writeImage(filepath.Join(dir, name+".tar"), "quay.io/metallb/"+name+":"+metallbVersion, program); err != nil {
			return err
		}
	}
	list := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "go.universe.tf/metallb")
	list.Dir, list.Env = "../programs/metallb", append(os.Environ(), "GOWORK=off")
	module, err := list.Output()
	if err != nil {
		return fmt.Errorf("finding MetalLB's module: %w", err)
	}
	manifest, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(module)), "config/manifests/metallb-native.yaml"))
	if err != nil {
		return err
	}
	// The speakers ask each other each second whether they are there. One that got no CPU
	// time would be given up by the other, and both would announce the addresses: so they
	// ask as over a wide area.
	const kind, args = "kind: DaemonSet\n", "        - --log-level=info\n"
	head, speaker, found := strings.Cut(string(manifest), kind)
	if !found || strings.Count(speaker, args) != 1 {
		return errors.New("MetalLB's manifest is not understood")
	}
	text := head + kind + strings.Replace(speaker, args, args+"        - --ml-wan-config\n", 1)
	return os.WriteFile(metallbManifest(), []byte(text), 0o644)
}

func metallbManifest() string { return filepath.Join(os.Getenv(folder), "metallb-native.yaml") }

// installMetalLB installs MetalLB with the pools of deploy/metallb, unless it is
// there.
func installMetalLB(t *testing.T) {
	t.Helper()
	tellOnFailure(t, "metallb-system")
	kubectl(t, "apply", "-f", metallbManifest())
	// Its webhook refuses everything until it has made itself a certificate.
	undertest.AwaitWithin(t, startTime, "MetalLB to take its pools", func() error {
		_, err := control.run(t.Context(), "kubectl", "apply", "-f", "../../deploy/metallb/l2.yaml", "-f", "../../deploy/metallb/bgp.yaml")
		return err
	})
	kubectl(t, "-n", "metallb-system", "rollout", "status", "daemonset/speaker", "--timeout", startTime.String())
}
