// Package api_test runs gateways against a real Kubernetes API server, with
// RBAC on and no other rights than those of deploy/rbac.yaml.
package api_test

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
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"gatelodge.dev/e2e/apiserver"
	"gatelodge.dev/e2e/programs"
	"gatelodge.dev/e2e/undertest"
)

// binary is where TestMain puts the program under test: it is built before the
// tests run in a namespace without a network.
const binary = "GATELODGE_E2E_BINARY"

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv(binary) != "" {
		return apiserver.Main(m)
	}
	dir, err := os.MkdirTemp("", "gatelodge-api-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	path, err := undertest.Build(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Setenv(binary, path)
	for _, program := range []string{"helm", "pebble"} {
		if _, err := programs.Build(context.Background(), os.Stderr, program); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return apiserver.Main(m)
}

// manifest reads a file of deploy/.
func manifest(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// startCluster starts a cluster with the rights and the class of a gateway, and
// the namespace "shop".
func startCluster(t *testing.T) *apiserver.Cluster {
	t.Helper()
	cluster := apiserver.Start(t)
	cluster.Apply(t, manifest(t, "rbac.yaml"))
	awaitRight(t, cluster, authorizationv1.ResourceAttributes{Verb: "create", Resource: "events", Namespace: "shop"})
	awaitRight(t, cluster, authorizationv1.ResourceAttributes{Verb: "watch", Resource: "configmaps", Namespace: "gatelodge"})
	cluster.Apply(t, manifest(t, "example/ingressclass.yaml"))
	cluster.Apply(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")
	return cluster
}

// awaitRight waits until the gateway's account may do something: the API server
// heeds a new role a moment after it has taken it.
func awaitRight(t *testing.T, cluster *apiserver.Cluster, right authorizationv1.ResourceAttributes) {
	t.Helper()
	await(t, "the right to "+right.Verb+" "+right.Resource, func() error {
		review, err := cluster.Client.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{User: "system:serviceaccount:gatelodge:gatelodge", ResourceAttributes: &right},
		}, metav1.CreateOptions{})
		if err == nil && !review.Status.Allowed {
			err = fmt.Errorf("not allowed: %s", review.Status.Reason)
		}
		return err
	})
}

// gatewayConfig announces addresses that are written down, and leaves at once.
const gatewayConfig = `
views: [{name: default, addresses: [192.0.2.10]}]
dns:
  addresses: [192.0.2.53]
  zones: [{name: example.test, nameservers: [ns1]}]
drain: {delay: 0s, timeout: 1s, tunnels: 1s}
`

// gateway is a running gatelodge and the ways to ask it.
type gateway struct {
	t                       *testing.T
	pod                     string
	http, https, dns, admin string // addresses
	roots                   *x509.CertPool
	stdout, stderr          undertest.Output
	process                 *exec.Cmd
	exited                  chan struct{}
}

// configFile writes a configuration into a file of its own.
func configFile(t *testing.T, config string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	rewrite(t, file, config)
	return file
}

// rewrite changes a file as an editor does, by a new one that takes its place.
func rewrite(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// launch runs "gatelodge serve" as a pod, with a configuration file, more args,
// and its listeners on free ports, until the test ends.
func launch(t *testing.T, pod, file string, args ...string) *gateway {
	t.Helper()
	g := &gateway{t: t, pod: pod, http: freeAddress(t), https: freeAddress(t), dns: freeAddress(t), admin: freeAddress(t)}
	g.process = exec.Command(os.Getenv(binary), append([]string{"serve", "--config", file,
		"--http", g.http, "--https", g.https, "--dns", g.dns, "--admin", g.admin}, args...)...)
	g.process.Env = append(os.Environ(), "POD_NAME="+pod, "POD_NAMESPACE=gatelodge")
	g.process.Stdout, g.process.Stderr = &g.stdout, &g.stderr
	if err := g.process.Start(); err != nil {
		t.Fatal(err)
	}
	g.exited = make(chan struct{})
	go func() {
		_ = g.process.Wait() // the state is kept in process
		close(g.exited)
	}()
	t.Cleanup(func() {
		g.stop()
		if t.Failed() {
			t.Logf("the log of gateway %s:\n%s", pod, g.stderr.Tail(60))
		}
	})
	return g
}

// start is launch, and waits until the gateway is ready.
func start(t *testing.T, pod, file string, args ...string) *gateway {
	t.Helper()
	g := launch(t, pod, file, args...)
	await(t, pod+" to be ready", func() error {
		status, body, err := g.get("http://" + g.admin + "/readyz")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("readyz: %d %s", status, body)
		}
		return err
	})
	return g
}

// stop ends the gateway as Kubernetes does; one that has ended stays that.
func (g *gateway) stop() {
	g.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-g.exited:
	case <-time.After(30 * time.Second):
		g.t.Errorf("gateway %s did not end within 30 s of SIGTERM", g.pod)
		g.kill()
	}
}

// kill ends the gateway as a crash would.
func (g *gateway) kill() {
	g.process.Process.Kill()
	<-g.exited
}

// await tries until there is no error, and fails the test after two minutes: a
// client reads its token again after one.
func await(t *testing.T, what string, try func() error) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited for %s: %v", what, err)
		}
	}
}

// client returns an HTTP client that reaches every host at the gateway, trusts
// g.roots and follows no redirect.
func (g *gateway) client() *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	return &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				switch _, port, _ := net.SplitHostPort(address); port {
				case "80":
					address = g.http
				case "443":
					address = g.https
				}
				return dialer.DialContext(ctx, network, address)
			},
			TLSClientConfig: &tls.Config{RootCAs: g.roots},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// get asks with a client of its own, so that each call is a new connection.
func (g *gateway) get(url string) (status int, body string, err error) {
	client := g.client()
	defer client.CloseIdleConnections()
	response, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// wants returns an error unless url answers with the status.
func (g *gateway) wants(url string, status int) error {
	got, body, err := g.get(url)
	if err == nil && got != status {
		err = fmt.Errorf("%s: %s answers %d %.80q, want %d", g.pod, url, got, body, status)
	}
	return err
}

// addresses asks the gateway's DNS server for the A records of a name; there
// are none when it says that the name does not exist.
func (g *gateway) addresses(name string) ([]string, error) {
	client := dns.Client{Timeout: 5 * time.Second}
	message := new(dns.Msg)
	message.SetQuestion(dns.Fqdn(name), dns.TypeA)
	answer, _, err := client.Exchange(message, g.dns)
	if err != nil {
		return nil, err
	}
	if answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError {
		return nil, fmt.Errorf("%s: the query for %s answers %s", g.pod, name, dns.RcodeToString[answer.Rcode])
	}
	var addresses []string
	for _, record := range answer.Answer {
		if a, ok := record.(*dns.A); ok {
			addresses = append(addresses, a.A.String())
		}
	}
	return addresses, nil
}

// freeAddress returns a loopback address whose port nobody listens on, for UDP
// and TCP.
func freeAddress(t *testing.T) string {
	t.Helper()
	return undertest.FreeAddresses(t, 1)[0]
}
