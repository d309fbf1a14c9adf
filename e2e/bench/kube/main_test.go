// Package kube_test measures a gateway that serves thousands of Ingresses of a
// real API server: how long it takes to start, what it holds, what a change
// costs it and how soon the change is served. It is a benchmark, because its
// figures are the machine's:
//
//	go test -run '^$' -bench . -timeout 30m ./bench/kube
package kube_test

import (
	"flag"
	"os"
	"testing"

	"gatelodge.dev/e2e/apiserver"
	"gatelodge.dev/e2e/undertest"
)

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
	return undertest.Main(func() int { return apiserver.Main(m) })
}
