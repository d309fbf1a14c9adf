package undertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"gatelodge.dev/e2e/programs"
)

// binary names the variable that holds the path of the program under test.
const binary = "GATELODGE_E2E_BINARY"

// Main builds gatelodge and the named other programs, calls run, which runs the
// tests of a package, and returns what run returns, for os.Exit. When run starts
// the test binary again in a namespace without a network, the Main in there finds
// what this one built.
func Main(run func() int, others ...string) (code int) {
	if os.Getenv(binary) != "" {
		return run()
	}
	dir, err := os.MkdirTemp("", "gatelodge-test-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = build(dir, others)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return run()
}

func build(dir string, others []string) error {
	path, err := Build(dir)
	if err != nil {
		return err
	}
	for _, name := range others {
		if _, err := programs.Build(context.Background(), os.Stderr, name); err != nil {
			return err
		}
	}
	return os.Setenv(binary, path)
}

// Binary returns the path of the program that Main built.
func Binary() string { return os.Getenv(binary) }

// Build builds gatelodge into the folder dir and returns its path. Tests that run
// under the race detector get a program that does, too. It must run in a folder
// of the module gatelodge.dev/e2e, as its tests do.
func Build(dir string) (string, error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "gatelodge.dev").Output()
	if err != nil {
		return "", fmt.Errorf("building gatelodge: finding its module: %w", err)
	}
	path := filepath.Join(dir, "gatelodge")
	build := exec.Command("go", append(append([]string{"build", "-o", path}, buildFlags...), "./cmd/gatelodge")...)
	build.Dir = strings.TrimSpace(string(root))
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building gatelodge: %w\n%s", err, out)
	}
	return path, nil
}
