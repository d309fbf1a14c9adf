//go:build debian

package cluster_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatelodge.dev/e2e/undertest"
)

// TestReadme runs the commands of the README as they stand, in their order.
func TestReadme(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	home := kubeHome(t)
	commands := indentedCommands(string(page))
	if len(commands) < 5 {
		t.Errorf("found only the commands %q", commands)
	}
	for _, command := range commands {
		t.Run(command, func(t *testing.T) {
			switch {
			case slices.Contains([]string{"make test", "make check", "make race", "make e2e"}, command):
				return // .ci/run runs them
			case command == "make run" || strings.Contains(command, "gatelodge serve"):
				untilReady(t, home, command)
			default:
				if out, err := repositoryShell(t.Context(), home, command).CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			}
		})
	}
}

// indentedCommands returns the lines that are indented as code, without what they
// say after a "#". Those that are fenced are manifests.
func indentedCommands(page string) (commands []string) {
	fenced := false
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		command, indented := strings.CutPrefix(line, "    ")
		if command, _, _ = strings.Cut(command, "#"); indented && !fenced {
			commands = append(commands, strings.TrimSpace(command))
		}
	}
	return commands
}

// kubeHome returns a home folder with the administrator's kubeconfig in its usual
// place.
func kubeHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".kube"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(kubernetes.kubeconfig("admin"), filepath.Join(home, ".kube", "config")); err != nil {
		t.Fatal(err)
	}
	return home
}

// repositoryShell runs a line in the repository's root. The shell is the first of a
// group, as in a terminal. Go keeps the caches that it has.
func repositoryShell(ctx context.Context, home, line string) *exec.Cmd {
	const keep = `export GOCACHE=$(go env GOCACHE) GOPATH=$(go env GOPATH) GOMODCACHE=$(go env GOMODCACHE); HOME=$1; exec bash -c "$2"`
	cmd := exec.CommandContext(ctx, "bash", "-c", keep, "bash", home, line)
	cmd.Dir = "../.."
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// untilReady runs what serves until it is ready, and ends it as Ctrl-C does.
func untilReady(t *testing.T, home, command string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTime)
	defer cancel()
	cmd := repositoryShell(ctx, home, command)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	undertest.AwaitWithin(t, startTime, "the gateway to be ready", func() error {
		select {
		case <-ended:
			t.Fatalf("it ended:\n%s", out.String())
		default:
		}
		response, err := http.Get("http://127.0.0.1:9080/readyz")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return errors.New(response.Status)
		}
		return nil
	})
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil && command != "make run" { // make says that its command was interrupted
			t.Errorf("%v\n%s", err, out.String())
		}
	case <-time.After(time.Minute):
		t.Errorf("it did not end within a minute of Ctrl-C:\n%s", out.String())
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
	}
}
