package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"gatelodge.dev/e2e/undertest"
)

// TestAKilledProcessRefusesNoClient: while the process that serves is killed again
// and again, no connection is refused and no query is lost, but for what was in the
// process.
func TestAKilledProcessRefusesNoClient(t *testing.T) {
	t.Parallel()
	g := supervised(t)
	l := startAsking(t, g)
	for kills := 1; kills <= 3; kills++ {
		l.reach(200)
		l.deaths = append(l.deaths, killServing(t, g))
		awaitRestarts(t, g, kills)
	}
	l.reach(200)
	for _, loss := range l.end() {
		t.Errorf("lost: %s", loss)
	}
	g.AwaitLog(`cause="signal: killed"`)
	g.Await("it to log each time that the process was killed", func() error {
		if n := strings.Count(g.Stderr.String(), "process died and is restarted"); n != 3 {
			return fmt.Errorf("it is logged %d times", n)
		}
		return nil
	})
}

// TestASupervisedGatewayEnds: as one without a supervisor.
func TestASupervisedGatewayEnds(t *testing.T) {
	t.Parallel()
	t.Run("when it is asked to", func(t *testing.T) {
		t.Parallel()
		g := supervised(t)
		process := g.Child()
		g.Stop() // which wants exit code 0
		awaitEnd(t, process)
		if log := g.Stderr.String(); !strings.Contains(log, "draining") || strings.Contains(log, "died") {
			t.Errorf("it does not drain, or does not end:\n%s", log)
		}
	})
	t.Run("with its supervisor", func(t *testing.T) {
		t.Parallel()
		g := supervised(t)
		process := g.Child()
		g.Kill()
		awaitEnd(t, process)
	})
	t.Run("when its configuration is wrong", func(t *testing.T) {
		t.Parallel()
		g := undertest.Launch(t, "serve", "--supervise", "--manifests", t.TempDir(), "--config", configFile(t, "kind: Wrong\n"))
		if code, log := g.ExitCode(), g.Stderr.String(); code != 1 || strings.Count(log, "\n") != 1 {
			t.Errorf("exit code %d, want 1, and one line:\n%s", code, log)
		}
	})
	t.Run("when it dies again and again", func(t *testing.T) {
		t.Parallel()
		g := supervised(t)
		for kills := 1; ; kills++ {
			killServing(t, g)
			if kills == 6 {
				break
			}
			awaitRestarts(t, g, kills)
		}
		if code := g.ExitCode(); code != 128+int(syscall.SIGKILL) {
			t.Errorf("exit code %d, want that of a killed process", code)
		}
	})
}

// supervised starts a gateway with a supervisor that serves web.pke.example.com.
func supervised(t *testing.T) *undertest.Gateway {
	t.Helper()
	folder := t.TempDir()
	ca := undertest.NewCA(t, "e2e CA")
	secret, _ := tlsSecret(t, ca, "site", "web.pke.example.com")
	write(t, folder, "all.yaml", classManifest+ingress("web", "web.pke.example.com", "web", "site")+service("web", startBackend(t, "web"))+"---\n"+secret)
	g := undertest.Start(t, "serve", "--supervise", "--manifests", folder, "--config", configFile(t, zoneConfig))
	g.Roots = ca.Pool()
	return g
}

// death is when a process was killed, and a time at which it had ended.
type death struct{ killed, ended time.Time }

// killServing kills the process that serves.
func killServing(t *testing.T, g *undertest.Gateway) death {
	t.Helper()
	process, killed := g.Child(), time.Now()
	if err := syscall.Kill(process, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitEnd(t, process)
	return death{killed, time.Now()}
}

func awaitEnd(t *testing.T, process int) {
	t.Helper()
	undertest.Await(t, "the process to end", func() error {
		if err := syscall.Kill(process, 0); !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("it is there: %v", err)
		}
		return nil
	})
}

func awaitRestarts(t *testing.T, g *undertest.Gateway, n int) {
	t.Helper()
	g.Await("it to serve again", func() error {
		metrics, err := g.Page("/metrics")
		if want := fmt.Sprintf("gatelodge_restarts_total %d\n", n); err == nil && !strings.Contains(metrics, want) {
			err = fmt.Errorf("the metrics lack %s", want)
		}
		return err
	})
	g.AwaitReady()
}

// asking is what clients ask all the time: requests with a connection each, and
// queries from a port each, none of them twice.
type asking struct {
	t      *testing.T
	g      *undertest.Gateway
	deaths []death // of the processes that served
	stop   chan struct{}
	done   sync.WaitGroup

	mu       sync.Mutex
	answered map[string]int
	lost     []lost
}

// lost is what was not answered.
type lost struct {
	began, ended time.Time
	err          error
}

func startAsking(t *testing.T, g *undertest.Gateway) *asking {
	a := &asking{t: t, g: g, stop: make(chan struct{}), answered: make(map[string]int)}
	for range 3 {
		for _, url := range []string{"http://web.pke.example.com/", "https://web.pke.example.com/"} {
			a.keep(url[:5], func() error {
				status, _, err := g.Get(url)
				if err == nil && status != 200 && status != 308 {
					err = fmt.Errorf("status %d", status)
				}
				return err
			})
		}
		for _, network := range []string{"udp", "tcp"} {
			a.keep(network, func() error {
				client := dns.Client{Net: network, Timeout: 20 * time.Second}
				answer, _, err := client.Exchange(new(dns.Msg).SetQuestion("web.pke.example.com.", dns.TypeA), g.DNS)
				if err == nil && len(answer.Answer) != 1 {
					err = fmt.Errorf("%s without an address", dns.RcodeToString[answer.Rcode])
				}
				return err
			})
		}
	}
	t.Cleanup(func() { a.end() })
	return a
}

func (a *asking) keep(how string, ask func() error) {
	a.done.Go(func() {
		for {
			select {
			case <-a.stop:
				return
			default:
			}
			began := time.Now()
			err := ask()
			a.mu.Lock()
			if err == nil {
				a.answered[how]++
			} else {
				a.lost = append(a.lost, lost{began, time.Now(), fmt.Errorf("%s: %w", how, err)})
			}
			a.mu.Unlock()
		}
	})
}

// reach waits until so many more of each kind were answered.
func (a *asking) reach(more int) {
	a.t.Helper()
	counts := func() map[string]int {
		a.mu.Lock()
		defer a.mu.Unlock()
		counts := make(map[string]int)
		for _, how := range []string{"http:", "https", "udp", "tcp"} {
			counts[how] = a.answered[how]
		}
		return counts
	}
	before := counts()
	a.g.Await("clients to be answered", func() error {
		now := counts()
		a.mu.Lock()
		defer a.mu.Unlock()
		for how, n := range before {
			if now[how] < n+more {
				return fmt.Errorf("%s: %d of %d, lost so far: %v", how, now[how]-n, more, a.lost)
			}
		}
		return nil
	})
}

// end ends the load, and returns what was lost that was not in a process when it
// died.
func (a *asking) end() (unexplained []string) {
	if a.stop == nil {
		return nil
	}
	close(a.stop)
	a.done.Wait()
	a.stop = nil
	for _, loss := range a.lost {
		inProcess := slices.ContainsFunc(a.deaths, func(d death) bool { return loss.began.Before(d.ended) && loss.ended.After(d.killed) })
		if !inProcess || errors.Is(loss.err, syscall.ECONNREFUSED) {
			unexplained = append(unexplained, loss.err.Error())
		}
	}
	a.t.Logf("answered: %v; lost in the process: %d", a.answered, len(a.lost)-len(unexplained))
	return unexplained
}
