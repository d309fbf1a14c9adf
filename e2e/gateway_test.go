package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"gatelodge.dev/e2e/undertest"
)

// binary is the gatelodge program under test, built by TestMain.
var binary string

func TestMain(m *testing.M) { os.Exit(undertest.Main(m, &binary)) }

// gateway is a running gatelodge and the ways to ask it.
type gateway struct {
	t                       *testing.T
	http, https, dns, admin string // addresses
	roots                   *x509.CertPool
	stdout, stderr          undertest.Output
	process                 *exec.Cmd
	exited                  chan error
}

// start runs gatelodge with args and flags that move its listeners to free
// ports, waits until it is ready, and ends it with the test, which fails if it
// does not leave with code 0.
func start(t *testing.T, args ...string) *gateway {
	t.Helper()
	g := launch(t, args...)
	g.await("ready", func() error {
		status, body, err := g.get("http://" + g.admin + "/readyz")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("readyz: %d %s", status, body)
		}
		return err
	})
	return g
}

// launch is start without waiting.
func launch(t *testing.T, args ...string) *gateway {
	t.Helper()
	g := &gateway{t: t, http: freeAddress(t), https: freeAddress(t), dns: freeAddress(t), admin: freeAddress(t)}
	g.process = exec.Command(binary, append(args, "--http", g.http, "--https", g.https, "--dns", g.dns, "--admin", g.admin)...)
	g.process.Stdout, g.process.Stderr = &g.stdout, &g.stderr
	if err := g.process.Start(); err != nil {
		t.Fatal(err)
	}
	g.exited = make(chan error, 1)
	go func() { g.exited <- g.process.Wait() }()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the gateway's log:\n%s", g.stderr.Tail(60))
		}
		g.stop()
	})
	return g
}

// stop ends the gateway as Kubernetes does, and wants it to leave cleanly.
func (g *gateway) stop() {
	if g.process.ProcessState != nil {
		return
	}
	g.process.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-g.exited:
		if err != nil {
			g.t.Errorf("the gateway ended with %v", err)
		}
	case <-time.After(30 * time.Second):
		g.t.Error("the gateway did not end within 30 s of SIGTERM")
		g.process.Process.Kill()
		<-g.exited
	}
}

// await tries until it works, and fails the test after 20 seconds.
func (g *gateway) await(what string, try func() error) {
	g.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case exit := <-g.exited:
			g.exited <- exit
			g.t.Fatalf("waiting for %s: the gateway ended: %v\n%s", what, exit, g.stderr.Tail(20))
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			g.t.Fatalf("waiting for %s: %v", what, err)
		}
	}
}

// client returns an HTTP client that reaches every host at the gateway, trusts
// g.roots and follows no redirect.
func (g *gateway) client() *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, _ := net.SplitHostPort(address)
			if port == "80" {
				address = g.http
			} else if port == "443" {
				address = g.https
			}
			_, port, _ = net.SplitHostPort(address)
			return dialer.DialContext(ctx, network, "127.0.0.1:"+port)
		},
		TLSClientConfig:   &tls.Config{RootCAs: g.roots},
		ForceAttemptHTTP2: true,
	}
	g.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// get asks with a client of its own, so that each call is a new connection.
func (g *gateway) get(url string) (status int, body string, err error) {
	client := g.client()
	defer client.CloseIdleConnections()
	return get(client, url)
}

func get(client *http.Client, url string) (status int, body string, err error) {
	response, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// query asks the gateway's DNS server.
func (g *gateway) query(network, name string, qtype uint16) (*dns.Msg, error) {
	client := dns.Client{Net: network, Timeout: 5 * time.Second}
	message := new(dns.Msg)
	message.SetQuestion(dns.Fqdn(name), qtype)
	message.RecursionDesired = false
	answer, _, err := client.Exchange(message, g.dns)
	return answer, err
}

// freeAddress returns a loopback address whose port nobody listens on, for UDP
// and TCP.
func freeAddress(t *testing.T) string {
	t.Helper()
	return undertest.FreeAddresses(t, 1)[0]
}

// write puts text into a file of dir as an editor that saves in place does:
// into a new file that takes the old one's place.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	temporary := filepath.Join(dir, "."+name+".tmp")
	if err := os.WriteFile(temporary, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temporary, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}
