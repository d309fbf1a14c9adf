package programs

import (
	"os/exec"
	"strings"
	"sync"
	"testing"
)

func TestProgramsAreBuiltOnce(t *testing.T) {
	cache := t.TempDir()
	var (
		logs  [3]strings.Builder
		paths [3]string
		errs  [3]error
	)
	ask := func(i int) { paths[i], errs[i] = build(t.Context(), &logs[i], cache, "h2spec") }
	var together sync.WaitGroup
	together.Go(func() { ask(0) })
	together.Go(func() { ask(1) })
	together.Wait()
	ask(2)

	var log string
	for i := range paths {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		if paths[i] != paths[0] {
			t.Errorf("found at %s, and at %s", paths[0], paths[i])
		}
		log += logs[i].String()
	}
	if n := strings.Count(log, "building h2spec"); n != 1 {
		t.Errorf("built %d times:\n%s", n, log)
	}
	if !strings.Contains(log, "built h2spec in ") {
		t.Errorf("the log does not say how long it took:\n%s", log)
	}
	if out, err := exec.Command(paths[0], "--version").Output(); err != nil || !strings.HasPrefix(string(out), "Version: ") {
		t.Errorf("h2spec --version: %s %v", out, err)
	}
}

func TestUnknownProgramIsRefused(t *testing.T) {
	_, err := build(t.Context(), t.Output(), t.TempDir(), "kube-apisrever")
	if err == nil || !strings.Contains(err.Error(), ", kube-apiserver, kube-controller-manager, ") {
		t.Errorf("got %v, want an error that lists the known ones", err)
	}
}

func TestKubernetesStamp(t *testing.T) {
	stamp := stampKubernetes("v1.37.2")
	for _, want := range []string{".gitVersion=v1.37.2 ", ".gitMajor=1 ", ".gitMinor=37 "} {
		if !strings.Contains(stamp, want) {
			t.Errorf("%q lacks %q", stamp, want)
		}
	}
}
