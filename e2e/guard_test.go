package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatelodge.dev/e2e/undertest"
)

// site is a folder of manifests with hosts that have a file, a certificate and
// an Ingress each.
type site struct {
	dir, config string
	ca          *undertest.KeyPair
	states      map[string]state // by host, what is right for it
}

func newSite(t *testing.T, hosts int, config string) *site {
	t.Helper()
	s := &site{dir: t.TempDir(), config: config, ca: undertest.NewCA(t, "e2e CA"), states: make(map[string]state)}
	write(t, s.dir, "class.yaml", classManifest)
	write(t, s.dir, "services.yaml", service("a", startBackend(t, "a")))
	for i := range hosts {
		s.add(t, i)
	}
	return s
}

func (s *site) host(i int) string { return fmt.Sprintf("host-%d.shop.pke.example.com", i) }
func (s *site) file(i int) string { return fmt.Sprintf("host-%d.yaml", i) }

func (s *site) add(t *testing.T, i int) {
	name := fmt.Sprintf("host-%d", i)
	secret, serial := tlsSecret(t, s.ca, name, s.host(i))
	write(t, s.dir, s.file(i), secret+ingress(name, s.host(i), "a", name))
	s.states[s.host(i)] = state{serial, "a", true}
}

func (s *site) remove(t *testing.T, i int) {
	t.Helper()
	if err := os.Remove(filepath.Join(s.dir, s.file(i))); err != nil {
		t.Fatal(err)
	}
}

func (s *site) start(t *testing.T) *undertest.Gateway {
	t.Helper()
	g := serve(t, s.dir, s.config)
	g.Roots = s.ca.Pool()
	return g
}

// serves wants every host with its route, its certificate and its record.
func (s *site) serves(t *testing.T, g *undertest.Gateway) {
	t.Helper()
	for host, want := range s.states {
		if got, err := stateOf(g, host); err != nil || got != want {
			t.Fatalf("%s is %+v %v, want %+v", host, got, err, want)
		}
	}
}

// gone waits until no host has a route, a certificate or a record.
func (s *site) gone(t *testing.T, g *undertest.Gateway) {
	t.Helper()
	for host := range s.states {
		g.Await(host+" to be gone", func() error {
			got, err := stateOf(g, host)
			if err == nil && got != (state{}) {
				err = fmt.Errorf("it is %+v", got)
			}
			return err
		})
	}
}

// TestGuardHoldsAWithdrawal: a hundred files are removed.
func TestGuardHoldsAWithdrawal(t *testing.T) {
	t.Parallel()
	s := newSite(t, 100, zoneConfig)
	g := s.start(t)
	s.serves(t, g)

	s.remove(t, 0)
	awaitState(t, g, s.host(0), s.states[s.host(0)], state{})
	if r, err := g.GuardReport(); err != nil || r.Holding {
		t.Errorf("a single deletion: the guard says %+v %v", r, err)
	}
	for i := 1; i < 100; i++ {
		s.remove(t, i)
	}
	began := time.Now()
	hash := g.AwaitWithheld(100).Hash
	s.serves(t, g)
	t.Logf("serving a hundred hosts again took %v", time.Since(began))

	_, ready, err := g.Get("http://" + g.Admin + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	_, problems, err := g.Get("http://" + g.Admin + "/api/problems")
	if err != nil {
		t.Fatal(err)
	}
	for host := range s.states {
		if !strings.Contains(ready, host) || !strings.Contains(problems, host) {
			t.Fatalf("%s is not listed in readyz, %s, or the problems, %s", host, ready, problems)
		}
	}
	s.add(t, 200)
	g.Await("an addition", func() error {
		got, err := stateOf(g, s.host(200))
		if err == nil && got != s.states[s.host(200)] {
			err = fmt.Errorf("it is %+v", got)
		}
		return err
	})
	delete(s.states, s.host(200))

	began = time.Now()
	g.Confirm(hash)
	s.gone(t, g)
	t.Logf("letting a hundred hosts go took %v", time.Since(began))
}

// TestOnlyIngressGoesAtOnce: however few are left.
func TestOnlyIngressGoesAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, zoneConfig)
	g := s.start(t)
	s.serves(t, g)
	began := time.Now()
	s.remove(t, 0)
	s.gone(t, g)
	t.Logf("letting the only host go took %v", time.Since(began))
}

// TestFolderThatIsEmptyLosesNothing: as when its volume is not mounted any
// more, also over a restart.
func TestFolderThatIsEmptyLosesNothing(t *testing.T) {
	t.Parallel()
	memory := t.TempDir()
	s := newSite(t, 20, zoneConfig+"state: "+memory+"\n")
	g := s.start(t)
	load := startLoad(t, g, s.host(7), s.states[s.host(7)].serial)
	g.Await("the state to be kept", func() error {
		_, err := os.Stat(filepath.Join(memory, "objects.jsonl"))
		if err == nil {
			_, err = os.Stat(filepath.Join(memory, "items", "guard.json"))
		}
		return err
	})
	volume := s.dir + ".elsewhere"
	if err := os.Mkdir(volume, 0o700); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if err := os.Rename(filepath.Join(s.dir, file.Name()), filepath.Join(volume, file.Name())); err != nil {
			t.Fatal(err)
		}
	}
	g.AwaitWithheld(20)
	s.serves(t, g)
	load.stop(t)
	g.Stop()

	g = s.start(t)
	s.serves(t, g)
	g.AwaitWithheld(20)
	g.Stop()

	if err := os.Remove(filepath.Join(memory, "objects.jsonl")); err != nil {
		t.Fatal(err)
	}
	g = undertest.Launch(t, "serve", "--manifests", s.dir, "--config", configFile(t, s.config))
	var r undertest.GuardReport
	g.Await("the start to be put off", func() error {
		if r, err = g.GuardReport(); err == nil && !r.Starting {
			err = fmt.Errorf("the guard says %+v", r)
		}
		return err
	})
	if status, body, err := g.Get("http://" + g.Admin + "/readyz"); err != nil || status != http.StatusServiceUnavailable || !strings.Contains(body, "20 were served") {
		t.Errorf("readyz: %d %s %v", status, body, err)
	}
	g.Confirm(r.Hash)
	g.AwaitReady()
}
