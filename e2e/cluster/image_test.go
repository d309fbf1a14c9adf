//go:build debian

package cluster_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// Images that pods ask for by name, made of programs.
const (
	pauseImage   = "e2e.gatelodge.dev/pause:1"
	backendImage = "registry.k8s.io/e2e-test-images/agnhost:2.53" // as docs/install.md has it; see agnhost
)

// images are the archives that buildImages writes, for every node.
func images() []string {
	found, err := filepath.Glob(filepath.Join(os.Getenv(folder), "*.tar"))
	if err != nil {
		panic(err) // the pattern is a constant
	}
	return found
}

// buildImages builds every image that the cluster runs.
func buildImages(ctx context.Context) error {
	dir := os.Getenv(folder)
	for _, image := range []struct{ name, pkg string }{{pauseImage, "./pause"}, {backendImage, "./agnhost"}} {
		program := filepath.Join(dir, filepath.Base(image.pkg))
		if err := goBuild(ctx, ".", program, image.pkg); err != nil {
			return err
		}
		if err := writeImage(program+".tar", image.name, program); err != nil {
			return err
		}
	}
	for i, image := range gatewayImages() {
		if err := buildGateway(ctx, fmt.Sprintf("%s/gatelodge-%d", dir, i), image); err != nil {
			return err
		}
	}
	return buildMetalLB(ctx, dir)
}

// gatewayImages names the image that deploy/install.yaml asks for, and one of
// another build.
func gatewayImages() [2]string {
	name := regexp.MustCompile(`image: (ghcr.io/\S+)`).FindStringSubmatch(installManifest())[1]
	return [2]string{name, name + "-next"}
}

// buildGateway builds the gateway and puts it into an image, as make image does.
func buildGateway(ctx context.Context, program, image string) error {
	_, version, _ := strings.Cut(image, ":")
	if err := goBuild(ctx, "../..", program, "./cmd/gatelodge", "-ldflags", "-X main.version="+version); err != nil {
		return err
	}
	pack := exec.CommandContext(ctx, "go", "run", "./deploy/image", "-name", image, "-o", program+".tar", "linux/"+runtime.GOARCH+"="+program)
	pack.Dir = "../.."
	if out, err := pack.CombinedOutput(); err != nil {
		return fmt.Errorf("packing %s: %w\n%s", image, err, out)
	}
	return nil
}

// goBuild builds a static program.
func goBuild(ctx context.Context, dir, output, pkg string, flags ...string) error {
	build := exec.CommandContext(ctx, "go", append(append([]string{"build", "-trimpath", "-o", output}, flags...), pkg)...)
	build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// writeImage writes an image of one static program, run as root, in the archive
// format of docker save, which containerd imports. The gateway's own image is
// made by make image's program instead.
func writeImage(file, name, program string) error {
	executable, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	entrypoint := filepath.Base(program)
	layer, err := archive(entry{entrypoint, 0o755, executable})
	if err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"os": "linux", "architecture": runtime.GOARCH,
		"config": map[string]any{"Entrypoint": []string{"/" + entrypoint}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer))}},
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal([]map[string]any{{"Config": "config.json", "RepoTags": []string{name}, "Layers": []string{"layer.tar"}}})
	if err != nil {
		return err
	}
	image, err := archive(entry{"manifest.json", 0o644, manifest}, entry{"config.json", 0o644, config}, entry{"layer.tar", 0o644, layer})
	if err != nil {
		return err
	}
	return os.WriteFile(file, image, 0o644)
}

type entry struct {
	name    string
	mode    int64
	content []byte
}

func archive(entries ...entry) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if err := w.WriteHeader(&tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.content))}); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
