// Package kube_test measures a gateway that serves thousands of Ingresses of a
// real API server: how long it takes to start, what it holds, what a change
// costs it and how soon the change is served. It is a benchmark, because its
// figures are the machine's:
//
//	go test -run '^$' -bench . -timeout 30m ./bench/kube
package kube_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gatelodge.dev/e2e/apiserver"
)

// binary is where TestMain puts the program under test: it is built before the
// benchmark runs in a namespace without a network.
const binary = "GATELODGE_BENCH_BINARY"

var (
	profiles = flag.String("profiles", "", "keep profiles of the gateway in this `folder`")
	told     = flag.Bool("told", false, "begin with the statuses that a leader before wrote, so that nothing has to be waited for")
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() == "" {
		return m.Run() // there are no tests, so nothing has to be made ready
	}
	if os.Getenv(binary) != "" {
		return apiserver.Main(m)
	}
	dir, err := os.MkdirTemp("", "gatelodge-bench-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "gatelodge")
	build := exec.Command("go", "build", "-trimpath", "-o", path, "./cmd/gatelodge")
	build.Dir = "../../.."
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building gatelodge: %v\n%s", err, out)
		return 1
	}
	os.Setenv(binary, path)
	return apiserver.Main(m)
}
