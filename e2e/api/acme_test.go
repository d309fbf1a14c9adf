package api_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"gatelodge.dev/e2e/pebble"
	"gatelodge.dev/e2e/undertest"
)

// acmeConfig is the configuration of an instance with a zone of its own, which
// serves the Ingresses that have its label.
func acmeConfig(t *testing.T, name string, ca *pebble.CA, proxy *pebble.Proxy) string {
	t.Helper()
	return configFile(t, fmt.Sprintf(`
name: %s
ingress: {selector: "gateway=%s"}
views: [{name: default, addresses: [127.0.0.1]}]
dns:
  addresses: [127.0.0.1]
  zones: [{name: %s.test, nameservers: [ns1]}]
drain: {delay: 0s, timeout: 1s, tunnels: 1s}
acme: {directory: %q, caFile: %q}
`, name, name, name, proxy.Directory, ca.RootsFile()))
}

// secured returns an Ingress of an instance that asks for TLS for its host.
func secured(instance, name, host string) string {
	return fmt.Sprintf(`---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: shop, name: %s, labels: {gateway: %s}}
spec:
  ingressClassName: gatelodge
  rules: [{host: %q, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
  tls: [{hosts: [%q]}]
`, name, instance, host, host)
}

// leaderOf waits until one of two replicas leads, and returns it and the other.
func leaderOf(t *testing.T, a, b *undertest.Gateway) (leader, follower *undertest.Gateway) {
	t.Helper()
	undertest.Await(t, "a leader", func() error {
		for _, g := range []*undertest.Gateway{a, b} {
			status, text, err := g.Get("http://" + g.Admin + "/metrics")
			if err == nil && status == 200 && strings.Contains(text, "\ngatelodge_leader 1\n") {
				leader = g
				return nil
			}
		}
		return fmt.Errorf("neither of %s and %s leads", a.Name, b.Name)
	})
	if leader == a {
		return a, b
	}
	return b, a
}

// accepts returns an error unless a client accepts the gateway's certificate for
// the name.
func accepts(g *undertest.Gateway, name string) error {
	_, err := g.Accepted(name)
	return err
}

// TestFollowerAnswersChallenges: whatever the challenge, the replica that did not
// order can answer it, and shows the certificate afterwards.
func TestFollowerAnswersChallenges(t *testing.T) {
	cluster := startCluster(t)
	// The CA finds a replica by its address; the ports are the same.
	ports := undertest.FreeAddresses(t, 2)
	http, https := pebble.Port(t, ports[0]), pebble.Port(t, ports[1])
	ca := pebble.Start(t, pebble.Options{HTTPPort: http, TLSPort: https})
	proxy := ca.Proxy(t)
	file, kubeconfig := acmeConfig(t, "pair", ca, proxy), cluster.Kubeconfig(t, us)
	replica := func(pod, host string) *undertest.Gateway {
		http, https := fmt.Sprintf("%s:%d", host, http), fmt.Sprintf("%s:%d", host, https)
		g := start(t, pod, file, "--kubeconfig", kubeconfig, "--http", http, "--https", https)
		g.HTTP, g.HTTPS, g.Roots = http, https, ca.Roots(t)
		return g
	}
	leader, follower := leaderOf(t, replica("a", "127.0.1.1"), replica("b", "127.0.1.2"))
	followerHost, _, _ := net.SplitHostPort(follower.HTTPS)
	ca.Resolver.SetZone("pair.test", follower.DNS)
	ca.Resolver.SetAddress("handshake.example.net", followerHost)
	ca.Resolver.SetAddress("http.example.net", "127.0.1.3") // where no handshake is answered
	forward(t, fmt.Sprintf("127.0.1.3:%d", http), follower.HTTP)

	names := []string{"www.pair.test", "any.wild.pair.test", "handshake.example.net", "http.example.net"}
	for i, host := range []string{"www.pair.test", "*.wild.pair.test", "handshake.example.net", "http.example.net"} {
		cluster.Apply(t, secured("pair", fmt.Sprintf("web-%d", i), host))
	}
	for _, name := range names {
		undertest.Await(t, "the certificate for "+name, func() error { return accepts(follower, name) })
		undertest.Await(t, "the same at the leader", func() error { return accepts(leader, name) })
	}
	for _, by := range []string{"by=dns-01", "by=tls-alpn-01", "by=http-01"} {
		if !strings.Contains(leader.Stderr.String(), by) {
			t.Errorf("the leader ordered nothing %s", by)
		}
	}
	if strings.Contains(follower.Stderr.String(), "ordered a certificate") {
		t.Error("the other replica ordered as well")
	}
	if good, failed := proxy.Orders(); good != 4 || failed < 1 {
		t.Errorf("%d orders succeeded and %d failed, want one for each of 4 names, and another where the handshake failed", good, failed)
	}
}

// forward forwards connections from one address to another until the test ends.
func forward(t *testing.T, from, to string) {
	t.Helper()
	listener, err := net.Listen("tcp", from)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		running.Wait()
	})
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				target, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer target.Close()
				go io.Copy(target, conn)
				io.Copy(conn, target)
			})
		}
	})
}
