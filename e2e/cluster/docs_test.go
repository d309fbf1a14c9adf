//go:build debian

package cluster_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestInstallGuide runs the shell commands of docs/install.md as they stand, in
// their order.
func TestInstallGuide(t *testing.T) {
	installMetalLB(t)
	startCompanyDNS(t, "198.18.0.200") // the address that the page has
	for _, namespace := range []string{"gatelodge", "gatelodge-lan", "gatelodge-dmz", "shop"} {
		t.Cleanup(func() {
			control.run(context.Background(), "helm", "uninstall", namespace, "--namespace", namespace, "--wait=false") // of shop there is none
			deleteNamespace(t, namespace)
		})
		tellOnFailure(t, namespace)
	}
	runCommands(t, "../../docs/install.md", startTime+5*time.Minute)
}

// runCommands runs the blocks of a page that are fenced as sh in one shell that
// stops at the first error.
func runCommands(t *testing.T, page string, within time.Duration) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	script := strings.Join(shellBlocks(string(text)), "\n")
	if script == "" {
		t.Fatalf("%s has no shell blocks", page)
	}
	// The commands are for the repository's root, and write files there.
	dir := t.TempDir()
	deploy, err := filepath.Abs("../../deploy")
	if err == nil {
		err = os.Symlink(deploy, filepath.Join(dir, "deploy"))
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-euxo", "pipefail")
	shell.Dir, shell.Stdin = dir, strings.NewReader(script)
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", page, err, out)
	}
}

// shellBlocks returns what is fenced as sh.
func shellBlocks(page string) (blocks []string) {
	for _, part := range strings.Split(page, "\n```sh\n")[1:] {
		block, _, _ := strings.Cut(part, "\n```")
		blocks = append(blocks, block)
	}
	return blocks
}
