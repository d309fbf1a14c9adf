// Package programs builds the programs that end-to-end tests run beside
// Gatelodge, such as a Kubernetes API server, from Go modules.
//
// Each folder below is a module whose go.mod pins some programs, so that their
// dependencies meet neither Gatelodge's nor each other's. What is built is kept
// in the user's cache folder, by a hash of everything it is made from, until it
// is deleted by hand.
package programs

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A source says what a program is built from.
type source struct {
	folder  string                      // the module below this package's folder
	pkg     string                      // the main package, of the module or on a tool line of it
	tags    string                      // build tags
	version string                      // the module whose version stamp wants
	stamp   func(version string) string // further linker flags
}

// sources has every program by name.
var sources = map[string]source{
	"cert-manager":            {folder: "certmanager", pkg: "gatelodge.dev/e2e/programs/certmanager/controller", tags: "certmanager"},
	"coredns":                 {folder: "dns", pkg: "github.com/coredns/coredns"},
	"etcd":                    {folder: "kubernetes", pkg: "go.etcd.io/etcd/server/v3"},
	"grpc-interop-client":     {folder: "http2", pkg: "google.golang.org/grpc/interop/client"},
	"grpc-interop-server":     {folder: "http2", pkg: "google.golang.org/grpc/interop/server"},
	"h2spec":                  {folder: "http2", pkg: "github.com/summerwind/h2spec/cmd/h2spec"},
	"helm":                    {folder: "helm", pkg: "helm.sh/helm/v4/cmd/helm"},
	"kube-apiserver":          kubernetes("kube-apiserver"),
	"kube-controller-manager": kubernetes("kube-controller-manager"),
	"kube-proxy":              kubernetes("kube-proxy"),
	"kube-scheduler":          kubernetes("kube-scheduler"),
	"kubectl":                 kubernetes("kubectl"),
	"kubelet":                 kubernetes("kubelet"),
	"metallb-controller":      {folder: "metallb", pkg: "go.universe.tf/metallb/controller"},
	"metallb-speaker":         {folder: "metallb", pkg: "go.universe.tf/metallb/speaker"},
	"pebble":                  {folder: "acme", pkg: "github.com/letsencrypt/pebble/v2/cmd/pebble"},
}

// Names returns the names of all programs, in order.
func Names() []string { return slices.Sorted(maps.Keys(sources)) }

// Build returns the path of a program, which it builds first if it is not in the
// cache, and then says so in log. It must run in a folder of the module
// gatelodge.dev/e2e, as its tests do. Processes that ask at the same time build
// once. From an empty Go build cache kube-apiserver takes five minutes on two
// cores, and building, unlike finding, may use the network.
func Build(ctx context.Context, log io.Writer, name string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("programs: %s: %w", name, err)
	}
	path, err := build(ctx, log, filepath.Join(cache, "gatelodge-e2e"), name)
	if err != nil {
		return "", fmt.Errorf("programs: %s: %w", name, err)
	}
	return path, nil
}

func build(ctx context.Context, log io.Writer, cache, name string) (string, error) {
	src, ok := sources[name]
	if !ok {
		return "", fmt.Errorf("not a known program; those are %s", strings.Join(Names(), ", "))
	}
	module, key, err := src.identify(ctx)
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, key, name)
	if exists(path) {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(path + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if exists(path) { // the process that we waited for has built it
		return path, nil
	}
	fmt.Fprintf(log, "building %s into %s\n", name, path)
	began := time.Now()
	if err := src.compile(ctx, module, path); err != nil {
		return "", err
	}
	fmt.Fprintf(log, "built %s in %v\n", name, time.Since(began).Round(time.Second))
	return path, nil
}

// identify finds the folder of the program's module, and the hash of everything
// that the program is made from.
func (s source) identify(ctx context.Context) (module, key string, err error) {
	out, err := run(ctx, ".", "env", "-json", "GOMOD", "GOVERSION")
	if err != nil {
		return "", "", err
	}
	var env struct{ GOMOD, GOVERSION string }
	if err := json.Unmarshal(out, &env); err != nil {
		return "", "", fmt.Errorf("go env: %w", err)
	}
	module = filepath.Join(filepath.Dir(env.GOMOD), "programs", s.folder)
	hash := sha256.New()
	fmt.Fprintln(hash, env.GOVERSION, runtime.GOOS, runtime.GOARCH, buildEnv, buildFlags)
	if s.stamp != nil {
		fmt.Fprintln(hash, s.stamp("v0.0.0"))
	}
	if _, err := os.Stat(filepath.Join(module, "go.mod")); errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("%w: is the working folder outside of the module gatelodge.dev/e2e?", err)
	}
	// A module may replace another by a folder of its own.
	if err := hashFiles(hash, os.DirFS(module)); err != nil {
		return "", "", err
	}
	return module, fmt.Sprintf("%x", hash.Sum(nil)[:8]), nil
}

func hashFiles(to io.Writer, folder fs.FS) error {
	return fs.WalkDir(folder, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(folder, path)
		fmt.Fprintf(to, "%s %d\n%s", path, len(content), content)
		return err
	})
}

// compile makes the program appear at path whole or not at all.
func (s source) compile(ctx context.Context, module, path string) error {
	ldflags := "-s -w"
	if s.stamp != nil {
		version, err := run(ctx, module, "list", "-m", "-f", "{{.Version}}", s.version)
		if err != nil {
			return err
		}
		ldflags += " " + s.stamp(strings.TrimSpace(string(version)))
	}
	args := append([]string{"build", "-o", path + ".part", "-tags", s.tags, "-ldflags", ldflags}, strings.Fields(buildFlags)...)
	if _, err := run(ctx, module, append(args, s.pkg)...); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}

const (
	buildEnv   = "CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOWORK=off" // the caller's own flags are meant for Gatelodge
	buildFlags = "-trimpath"
)

// run runs the go command in a folder and returns what it prints.
func run(ctx context.Context, dir string, args ...string) ([]byte, error) {
	var stderr strings.Builder
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Stderr = dir, &stderr
	cmd.Env = append(os.Environ(), strings.Fields(buildEnv)...)
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, stderr.String())
	}
	return out, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
