package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gatelodge.dev/e2e/undertest"
	"github.com/miekg/dns"
)

// outage is how long the API server is away: longer than Leases last.
const outage = 30 * time.Second

// load asks a gateway for a host, over HTTP and DNS, until it is stopped, and
// keeps what goes wrong.
type load struct {
	stopped  chan struct{}
	working  sync.WaitGroup
	mu       sync.Mutex
	asked    int
	failures []error
}

func startLoad(g *undertest.Gateway, host, address string) *load {
	l := &load{stopped: make(chan struct{})}
	client := g.Client()
	resolver := dns.Client{Timeout: 30 * time.Second}
	l.repeat(func() error {
		response, err := client.Get("http://" + host + "/")
		if err != nil {
			return err
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %d", host, response.StatusCode)
		}
		return nil
	})
	l.repeat(func() error {
		message := new(dns.Msg)
		message.SetQuestion(dns.Fqdn(host), dns.TypeA)
		answer, _, err := resolver.Exchange(message, g.DNS)
		if err == nil && (len(answer.Answer) != 1 || !strings.Contains(answer.Answer[0].String(), address)) {
			err = fmt.Errorf("%s resolves to %v", host, answer.Answer)
		}
		return err
	})
	return l
}

func (l *load) repeat(ask func() error) {
	l.working.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			err := ask()
			l.mu.Lock()
			l.asked++
			if err != nil {
				l.failures = append(l.failures, err)
			}
			l.mu.Unlock()
			select {
			case <-tick.C:
			case <-l.stopped:
				return
			}
		}
	})
}

func (l *load) stop(t *testing.T) {
	t.Helper()
	close(l.stopped)
	l.working.Wait()
	t.Logf("%d requests and queries", l.asked)
	if n := len(l.failures); n > 0 {
		t.Errorf("%d of %d failed, the first with %v", n, l.asked, l.failures[0])
	}
}

func TestServesWithoutTheAPIServer(t *testing.T) {
	cluster := startCluster(t)
	kubeconfig := cluster.Kubeconfig(t, us)
	a := start(t, "a", configFile(t, gatewayConfig), "--kubeconfig", kubeconfig)
	remembering := configFile(t, gatewayConfig+"state: "+t.TempDir()+"\n")
	b := start(t, "b", remembering, "--kubeconfig", kubeconfig)
	cluster.Apply(t, startBackend(t, "shop", 1)+"---\n"+ingress("web", "web.example.test", ""))
	for _, g := range []*undertest.Gateway{a, b} {
		undertest.Await(t, "the route", func() error { return g.Answers("http://web.example.test/", http.StatusOK) })
	}
	b.Stop()
	load := startLoad(a, "web.example.test", "192.0.2.10")

	over := time.After(outage)
	cluster.APIServer.Stop()
	cluster.Etcd.Stop()
	cluster.Etcd.Start(t)
	b = start(t, "b", remembering, "--kubeconfig", kubeconfig)
	if err := b.Answers("http://web.example.test/", http.StatusOK); err != nil {
		t.Errorf("started while there is no API server: %v", err)
	}
	if _, body, err := b.Get("http://" + b.Admin + "/readyz"); err != nil || !strings.Contains(body, "the objects of an earlier time") {
		t.Errorf("started while there is no API server, readyz says %q %v", body, err)
	}
	if _, body, err := b.Get("http://" + b.Admin + "/api/problems"); err != nil || !strings.Contains(body, "the cluster could not be read since the start") {
		t.Errorf("started while there is no API server, the problems are %q %v", body, err)
	}
	<-over
	cluster.APIServer.Start(t)
	cluster.WaitReady(t)

	cluster.Apply(t, ingress("after", "after.example.test", ""))
	for _, g := range []*undertest.Gateway{a, b} {
		undertest.Await(t, "what changed after the outage", func() error { return g.Answers("http://after.example.test/", http.StatusOK) })
		undertest.Await(t, "no word of the outage", func() error {
			_, problems, err := g.Get("http://" + g.Admin + "/api/problems")
			_, ready, readyErr := g.Get("http://" + g.Admin + "/readyz")
			if strings.TrimSpace(problems) != "[]" || ready != "ready\n" {
				return fmt.Errorf("%s: readyz %q, problems %s, %v %v", g.Name, ready, problems, err, readyErr)
			}
			return nil
		})
		// Twice if a request that failed before is noted after the first that succeeds.
		if n := strings.Count(g.Stderr.String(), "can't be reached"); n < 1 || n > 2 {
			t.Errorf("the log of %s says %d times that the API server can't be reached", g.Name, n)
		}
	}
	awaitStatus(t, cluster, "after", "192.0.2.10", us)
	load.stop(t)
}
