package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// guardReport is what /api/guard says.
type guardReport struct {
	Holding, Starting bool
	Hash              string
	Hosts             []string
}

func (g *gateway) guardReport() (r guardReport, err error) {
	_, body, err := g.get("http://" + g.admin + "/api/guard")
	if err == nil {
		err = json.Unmarshal([]byte(body), &r)
	}
	return r, err
}

// awaitHeld waits until the guard withholds so many hosts.
func (g *gateway) awaitHeld(hosts int) (hash string) {
	g.t.Helper()
	g.await(fmt.Sprintf("%d hosts to be withheld", hosts), func() error {
		r, err := g.guardReport()
		if hash = r.Hash; err == nil && len(r.Hosts) != hosts {
			err = fmt.Errorf("%d are", len(r.Hosts))
		}
		return err
	})
	return hash
}

// confirm confirms what the guard holds, on the admin port.
func (g *gateway) confirm(hash string) {
	g.t.Helper()
	response, err := http.Post("http://"+g.admin+"/api/guard/confirm?hash="+hash, "", nil)
	if err != nil {
		g.t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		g.t.Fatalf("confirming %s: status %d", hash, response.StatusCode)
	}
}

// site is a folder of manifests with hosts that have a file, a certificate and
// an Ingress each.
type site struct {
	dir, config string
	ca          *authority
	states      map[string]state // by host, what is right for it
}

func newSite(t *testing.T, hosts int, config string) *site {
	t.Helper()
	s := &site{dir: t.TempDir(), config: filepath.Join(t.TempDir(), "gateway.yaml"), ca: newAuthority(t), states: make(map[string]state)}
	if err := os.WriteFile(s.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
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
	secret, serial := s.ca.secret("shop", name, s.host(i))
	write(t, s.dir, s.file(i), secret+ingress(name, s.host(i), "a", name))
	s.states[s.host(i)] = state{serial, "a", true}
}

func (s *site) remove(t *testing.T, i int) {
	t.Helper()
	if err := os.Remove(filepath.Join(s.dir, s.file(i))); err != nil {
		t.Fatal(err)
	}
}

func (s *site) start(t *testing.T) *gateway {
	t.Helper()
	g := start(t, "serve", "--manifests", s.dir, "--config", s.config)
	g.roots = s.ca.pool()
	return g
}

// serves wants every host with its route, its certificate and its record.
func (s *site) serves(g *gateway) {
	g.t.Helper()
	for host, want := range s.states {
		if got, err := g.ask(host); err != nil || got != want {
			g.t.Fatalf("%s is %+v %v, want %+v", host, got, err, want)
		}
	}
}

// gone waits until no host has a route, a certificate or a record.
func (s *site) gone(g *gateway) {
	g.t.Helper()
	for host := range s.states {
		g.await(host+" to be gone", func() error {
			got, err := g.ask(host)
			if err == nil && got != (state{}) {
				err = fmt.Errorf("it is %+v", got)
			}
			return err
		})
	}
}

// quickly leaves at once when nothing is under way.
const quickly = "drain: {delay: 0s, timeout: 10s, tunnels: 10s}\n"

// TestGuardHoldsAWithdrawal: a hundred files are removed.
func TestGuardHoldsAWithdrawal(t *testing.T) {
	s := newSite(t, 100, zoneConfig+quickly)
	g := s.start(t)
	s.serves(g)

	s.remove(t, 0)
	g.awaitState(s.host(0), s.states[s.host(0)], state{})
	if r, err := g.guardReport(); err != nil || r.Holding {
		t.Errorf("a single deletion: the guard says %+v %v", r, err)
	}
	for i := 1; i < 100; i++ {
		s.remove(t, i)
	}
	began := time.Now()
	hash := g.awaitHeld(100)
	s.serves(g)
	t.Logf("serving a hundred hosts again took %v", time.Since(began))

	_, ready, err := g.get("http://" + g.admin + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	_, problems, err := g.get("http://" + g.admin + "/api/problems")
	if err != nil {
		t.Fatal(err)
	}
	for host := range s.states {
		if !strings.Contains(ready, host) || !strings.Contains(problems, host) {
			t.Fatalf("%s is not listed in readyz, %s, or the problems, %s", host, ready, problems)
		}
	}
	s.add(t, 200)
	g.await("an addition", func() error {
		got, err := g.ask(s.host(200))
		if err == nil && got != s.states[s.host(200)] {
			err = fmt.Errorf("it is %+v", got)
		}
		return err
	})
	delete(s.states, s.host(200))

	began = time.Now()
	g.confirm(hash)
	s.gone(g)
	t.Logf("letting a hundred hosts go took %v", time.Since(began))
}

// TestOnlyIngressGoesAtOnce: however few are left.
func TestOnlyIngressGoesAtOnce(t *testing.T) {
	s := newSite(t, 1, zoneConfig+quickly)
	g := s.start(t)
	s.serves(g)
	began := time.Now()
	s.remove(t, 0)
	s.gone(g)
	t.Logf("letting the only host go took %v", time.Since(began))
}

// TestFolderThatIsEmptyLosesNothing: as when its volume is not mounted any
// more, also over a restart.
func TestFolderThatIsEmptyLosesNothing(t *testing.T) {
	memory := t.TempDir()
	s := newSite(t, 20, zoneConfig+quickly+"state: "+memory+"\n")
	g := s.start(t)
	load := startLoad(g, s.host(7), s.states[s.host(7)].serial)
	g.await("the state to be kept", func() error {
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
	g.awaitHeld(20)
	s.serves(g)
	load.stop(t)
	g.stop()

	g = s.start(t)
	s.serves(g)
	g.awaitHeld(20)
	g.stop()

	if err := os.Remove(filepath.Join(memory, "objects.jsonl")); err != nil {
		t.Fatal(err)
	}
	g = launch(t, "serve", "--manifests", s.dir, "--config", s.config)
	var r guardReport
	g.await("the start to be put off", func() error {
		if r, err = g.guardReport(); err == nil && !r.Starting {
			err = fmt.Errorf("the guard says %+v", r)
		}
		return err
	})
	if status, body, err := g.get("http://" + g.admin + "/readyz"); err != nil || status != http.StatusServiceUnavailable || !strings.Contains(body, "20 were served") {
		t.Errorf("readyz: %d %s %v", status, body, err)
	}
	g.confirm(r.Hash)
	g.await("ready", func() error {
		status, body, err := g.get("http://" + g.admin + "/readyz")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("readyz: %d %s", status, body)
		}
		return err
	})
}
