package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatelodge.dev/kube/kubetest"
)

// TestStuckRequestIsAllThatIsAborted: a drain that a request holds up until its end says
// that of the request, and nothing of DNS queries, of which there are none.
func TestStuckRequestIsAllThatIsAborted(t *testing.T) {
	asked := make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	defer backend.Close()
	_, port, err := net.SplitHostPort(backend.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	world := &told{objects: kubetest.Manifests(fmt.Sprintf(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: stuck, namespace: shop}
spec:
  rules:
  - host: stuck.example.test
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: stuck, port: {number: 80}}}}]}
---
apiVersion: v1
kind: Service
metadata: {name: stuck, namespace: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: stuck-1, namespace: shop, labels: {kubernetes.io/service-name: stuck}}
addressType: IPv4
ports: [{port: %s}]
endpoints: [{addresses: [127.0.0.1]}]
`, port))}
	config := parsedConfig(t, `
ingress: {withoutClass: true}
listeners:
- {name: http, protocol: HTTP, address: "127.0.0.1:0"}
- {name: dns, protocol: DNS, address: "127.0.0.1:0", view: default}
drain: {delay: 0s, timeout: 1ms, tunnels: 1ms}
`)
	config.Kube.LoopbackEndpoints = true
	g := newGateway(config, world, io.Discard, slog.New(slog.DiscardHandler))
	serving := make(chan struct{})
	g.onServing = func() { close(serving) }
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- g.run(ctx, "127.0.0.1:0") }()
	select {
	case <-serving:
	case err := <-ended:
		t.Fatal(err)
	}

	client, err := net.Dial("tcp", g.proxy.Addr("http").String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := io.WriteString(client, "GET / HTTP/1.1\r\nHost: stuck.example.test\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answered := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(client).ReadString('\n') // fails once the request is aborted
		answered <- line
	}()
	select {
	case <-asked:
	case line := <-answered:
		s, _, _ := g.live.Current()
		t.Fatalf("the backend is not asked, and the client gets %q: %s", line, s)
	}
	stop()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "1 requests aborted") || strings.Contains(err.Error(), "DNS") {
		t.Errorf("the drain ends with %v, want that one request was aborted, and nothing else", err)
	}
}
