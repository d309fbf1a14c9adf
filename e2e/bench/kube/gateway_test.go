package kube_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The gateway's listeners; the namespace is the benchmark's own.
const (
	httpAddress  = "127.0.0.1:8080"
	httpsAddress = "127.0.0.1:8443"
	adminAddress = "127.0.0.1:9080"
)

// The address that the gateway announces, and the manager of the fields that it
// writes: its namespace and the name of its instance.
const (
	announced    = "192.0.2.10"
	fieldManager = "gatelodge/gatelodge"
)

const gatewayConfig = `
apiVersion: gatelodge.dev/v1alpha1
kind: GatewayConfig
views: [{name: default, addresses: [` + announced + `]}]
dns:
  addresses: [192.0.2.53]
  zones: [{name: example.test, nameservers: [ns1]}]
accessLog: {enabled: false}
drain: {delay: 0s, timeout: 1s, tunnels: 1s}
`

// gateway is the process that is measured.
type gateway struct {
	process *exec.Cmd
	log     *os.File
}

// startGateway starts the gateway and ends it with the benchmark.
func startGateway(b *testing.B, kubeconfig string) *gateway {
	b.Helper()
	config := filepath.Join(b.TempDir(), "gateway.yaml")
	if err := os.WriteFile(config, []byte(gatewayConfig), 0o600); err != nil {
		b.Fatal(err)
	}
	log, err := os.Create(filepath.Join(b.ArtifactDir(), "gatelodge.log"))
	if err != nil {
		b.Fatal(err)
	}
	g := &gateway{process: exec.Command(os.Getenv(binary), "serve", "--config", config, "--kubeconfig", kubeconfig,
		"--http", httpAddress, "--https", httpsAddress, "--dns", "127.0.0.1:8053", "--admin", adminAddress), log: log}
	g.process.Env = append(os.Environ(), "POD_NAME=bench", "POD_NAMESPACE=gatelodge")
	g.process.Stdout, g.process.Stderr = log, log
	g.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := g.process.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = g.process.Process.Signal(syscall.SIGTERM)
		_ = g.process.Wait() // how it ended is not measured
		_ = log.Close()
		if b.Failed() {
			text, _ := os.ReadFile(log.Name())
			b.Logf("the end of the gateway's log:\n%s", text[max(0, len(text)-4000):])
		}
	})
	return g
}

// awaitReady returns once the gateway serves.
func (g *gateway) awaitReady(b *testing.B) {
	b.Helper()
	await(b, "the gateway to be ready", func() bool {
		response, err := http.Get("http://" + adminAddress + "/readyz")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

// await tries until it is so, for ten minutes at most.
func await(b *testing.B, what string, is func() bool) {
	b.Helper()
	deadline := time.After(10 * time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			b.Fatalf("waited in vain for %s", what)
		}
	}
}

// awaitQuiet waits until the gateway has written every status and Event, and
// has nothing more to do.
func (g *gateway) awaitQuiet(b *testing.B) {
	b.Helper()
	const window, idle = 5 * time.Second, 150 * time.Millisecond
	var since time.Time
	var before time.Duration
	await(b, "the gateway to be quiet", func() bool {
		if time.Since(since) < window {
			return false
		}
		now := g.cpu(b)
		used := now - before
		since, before = time.Now(), now
		return used < idle
	})
}

// cpu is the CPU time that the process has used, of user and system.
func (g *gateway) cpu(b *testing.B) time.Duration {
	b.Helper()
	// proc_pid_stat(5); the program's name holds no blank
	fields := bytes.Fields(g.proc(b, "stat"))
	const utime, stime, ticksPerSecond = 13, 14, 100
	var ticks int
	for _, field := range []int{utime, stime} {
		n, err := strconv.Atoi(string(fields[field]))
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond
}

// memory is what a line of /proc/PID/status says, in MiB.
func (g *gateway) memory(b *testing.B, field string) int {
	b.Helper()
	for line := range strings.Lines(string(g.proc(b, "status"))) {
		var kib int
		if n, _ := fmt.Sscanf(line, field+": %d kB", &kib); n == 1 {
			return kib >> 10
		}
	}
	b.Fatalf("/proc has no %s", field)
	return 0
}

func (g *gateway) proc(b *testing.B, name string) []byte {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", g.process.Process.Pid, name))
	if err != nil {
		b.Fatal(err)
	}
	return text
}

// keepProfile writes a profile of the gateway to a file, if any are wanted.
func (g *gateway) keepProfile(b *testing.B, what, file string) {
	b.Helper()
	if *profiles == "" {
		return
	}
	response, err := http.Get("http://" + adminAddress + "/debug/pprof/" + what)
	if err != nil {
		b.Error(err)
		return
	}
	defer response.Body.Close()
	profile, err := io.ReadAll(response.Body)
	if err == nil {
		err = os.WriteFile(filepath.Join(*profiles, file+".pprof"), profile, 0o600)
	}
	if err != nil {
		b.Error(err)
	}
}
