package undertest

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A Gateway is a running gatelodge and the ways to ask it.
type Gateway struct {
	Name                    string         // what failures call it
	HTTP, HTTPS, DNS, Admin string         // addresses of its listeners
	Roots                   *x509.CertPool // what its clients trust
	Env                     []string       // in addition to what this process has
	Stdout, Stderr          Output

	t       testing.TB
	process *exec.Cmd
	exited  chan struct{}
}

// New returns a gateway that does not run yet. The addresses of its listeners are
// free ones of the loopback interface.
func New(t testing.TB) *Gateway {
	t.Helper()
	free := FreeAddresses(t, 4)
	return &Gateway{Name: "the gateway", HTTP: free[0], HTTPS: free[1], DNS: free[2], Admin: free[3], t: t}
}

// Start starts a new gateway with args, and flags for the addresses of its
// listeners, waits until it is ready, and ends it with the test.
func Start(t testing.TB, args ...string) *Gateway {
	t.Helper()
	g := Launch(t, args...)
	g.AwaitReady()
	return g
}

// Launch is Start without waiting.
func Launch(t testing.TB, args ...string) *Gateway {
	t.Helper()
	g := New(t)
	g.Run(append(args, g.Flags()...)...)
	return g
}

// Flags are those that put the listeners at the gateway's addresses.
func (g *Gateway) Flags() []string {
	return []string{"--http", g.HTTP, "--https", g.HTTPS, "--dns", g.DNS, "--admin", g.Admin}
}

// Run starts the gateway with args, and ends it with the test, which fails if it
// does not exit with code 0. One that has ended may be started again.
func (g *Gateway) Run(args ...string) {
	g.t.Helper()
	g.process = exec.Command(Binary(), args...)
	g.process.Env = append(os.Environ(), g.Env...)
	g.process.Stdout, g.process.Stderr = &g.Stdout, &g.Stderr
	if err := g.process.Start(); err != nil {
		g.t.Fatal(err)
	}
	exited, process := make(chan struct{}), g.process
	g.exited = exited
	go func() {
		_ = process.Wait() // the state is kept in process
		close(exited)
	}()
	g.t.Cleanup(func() {
		g.Stop()
		if g.t.Failed() {
			g.t.Logf("the log of %s:\n%s", g.Name, g.Stderr.Tail(60))
		}
	})
}

// AwaitReady waits until the gateway says that it is ready.
func (g *Gateway) AwaitReady() {
	g.t.Helper()
	g.Await("it to be ready", func() error {
		status, body, err := g.Get("http://" + g.Admin + "/readyz")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("readyz: %d %s", status, body)
		}
		return err
	})
}

// Await calls try until it returns nil (see the function Await), and fails the test
// when the gateway ends meanwhile.
func (g *Gateway) Await(what string, try func() error) {
	g.t.Helper()
	Await(g.t, g.Name+": "+what, try, g)
}

// AwaitLog waits until the gateway's log contains the words.
func (g *Gateway) AwaitLog(words string) {
	g.t.Helper()
	g.Await("its log to say "+words, func() error {
		if !strings.Contains(g.Stderr.String(), words) {
			return fmt.Errorf("it does not")
		}
		return nil
	})
}

// Crashed returns an error if the gateway has ended; that of Await.
func (g *Gateway) Crashed() error {
	select {
	case <-g.exited:
		return fmt.Errorf("%s has ended: %v\n%s", g.Name, g.process.ProcessState, g.Stderr.Tail(20))
	default:
		return nil
	}
}

// Stop ends the gateway as Kubernetes does; the test fails if it does not exit with
// code 0 within two minutes. Stop does nothing to a gateway that Stop, Kill or
// ExitCode saw ending.
func (g *Gateway) Stop() {
	g.t.Helper()
	if g.process == nil {
		return
	}
	g.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-g.exited:
		if state := g.process.ProcessState; !state.Success() {
			g.t.Errorf("%s ended with %v", g.Name, state)
		}
	case <-time.After(patience):
		g.t.Errorf("%s did not end within %v of SIGTERM", g.Name, patience)
		g.Kill()
	}
	g.process = nil
}

// Pause stops the gateway's process where it is, until Kill.
func (g *Gateway) Pause() {
	if err := g.process.Process.Signal(syscall.SIGSTOP); err != nil {
		g.t.Fatal(err)
	}
}

// Kill ends the gateway as a crash would.
func (g *Gateway) Kill() {
	g.process.Process.Kill()
	<-g.exited
	g.process = nil
}

// ExitCode waits until the gateway has ended by itself, and returns its exit code.
func (g *Gateway) ExitCode() int {
	<-g.exited
	code := g.process.ProcessState.ExitCode()
	g.process = nil
	return code
}
