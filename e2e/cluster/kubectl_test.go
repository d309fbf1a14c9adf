//go:build debian

package cluster_test

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// kubectl runs kubectl as the administrator, and returns what it printed.
func kubectl(t testing.TB, args ...string) string {
	t.Helper()
	out, err := control.run(context.Background(), "kubectl", args...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// apply applies manifests as the administrator.
func apply(t testing.TB, manifests string) {
	t.Helper()
	if err := tryApply(manifests); err != nil {
		t.Fatal(err)
	}
}

func tryApply(manifests string) error {
	cmd := exec.Command("kubectl", "apply", "-f", "-")
	cmd.Stdin = strings.NewReader(manifests)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl apply: %w\n%s", err, out)
	}
	return nil
}

// tellOnFailure logs what is known of a namespace's pods when the test fails.
func tellOnFailure(t *testing.T, namespace string) {
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		for _, args := range [][]string{
			{"get", "pods,services,endpointslices,ingresses", "-o", "wide"},
			{"get", "events", "--sort-by=.lastTimestamp"},
			{"logs", "-l", "app.kubernetes.io/name=gatelodge", "--prefix", "--tail=40"},
		} {
			out, err := control.run(context.Background(), "kubectl", append([]string{"-n", namespace}, args...)...)
			t.Logf("kubectl %s:\n%s%v", strings.Join(args, " "), out, err)
		}
	})
}
