//go:build debian

package cluster_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatelodge.dev/e2e/process"
	"gatelodge.dev/e2e/undertest"
)

// startRouter runs BIRD on the router, for as long as the cluster: who speaks BGP
// with it waits longer and longer before trying again.
func startRouter() error {
	return kubernetes.launch(router, "bird", "/usr/sbin/bird",
		"-f", "-c", "testdata/bird.conf", "-s", kubernetes.file("bird.ctl"), "-P", kubernetes.file("bird.pid"))
}

// startCompanyDNS runs a company's DNS server, which delegates pke.example.com
// to an address and knows nothing else of it, for as long as the test.
func startCompanyDNS(t *testing.T, gateway string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"named.conf", "root.zone", "example.com.zone"} {
		content, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.NewReplacer("@DIR@", dir, "@DNS@", gateway).Replace(string(content))
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	serve(t, corp, &process.Process{Name: "named", Path: unconfined(t, "/usr/sbin/named"),
		Args: []string{"-f", "-c", filepath.Join(dir, "named.conf")}})
	undertest.Await(t, "the company's DNS server", func() error {
		_, err := client.run(t.Context(), "dig", "@"+corp.address.String(), "+tries=1", "+time=1", "example.com", "SOA")
		return err
	})
}

// serve runs a server on a host, and ends it with the test.
func serve(t *testing.T, h host, p *process.Process) {
	t.Helper()
	p.Network, p.Log = h.network(), filepath.Join(t.TempDir(), "log")
	p.Start(t)
	t.Cleanup(func() {
		if err := p.Crashed(); err != nil {
			t.Error(err)
		}
		p.Stop()
		if t.Failed() {
			t.Logf("the end of %s's log:\n%s", p.Name, p.Tail())
		}
	})
}

// unconfined returns a copy of a Debian program. AppArmor profiles go by path,
// and keep those programs from the files of a test.
func unconfined(t *testing.T, path string) string {
	t.Helper()
	from, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(filepath.Join(t.TempDir(), filepath.Base(path)), os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(to, from)
	if closeErr := to.Close(); err != nil || closeErr != nil {
		t.Fatal(err, closeErr)
	}
	return to.Name()
}
