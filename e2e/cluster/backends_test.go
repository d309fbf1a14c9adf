//go:build debian

package cluster_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"gatelodge.dev/e2e/undertest"
)

// replicas is how many pods the application has whose pods are replaced.
const replicas = 10

// spoken are the protocols of the clients, each with the backend-protocol of an
// Ingress of its own.
var spoken = map[string]string{"http1": "HTTP", "http2": "H2C", "grpc": "GRPC"}

// replacedBackends: while every pod of an application is replaced, or one of
// ten fails, clients of HTTP/1.1, HTTP/2 and gRPC see nothing of it.
func replacedBackends(t *testing.T, g *loaded) {
	startReplicas(t, "rolled")
	for protocol := range spoken {
		g.awaitAnswers(t, protocol)
	}

	// The old pods are terminating and serve, then they refuse connections, and then
	// their addresses are gone.
	t.Run("pods that serve on", func(t *testing.T) {
		g.replaceUnderLoad(t, "rolled", http.MethodPost)
	})
	// They refuse connections at once, before the gateway can know. Over HTTP/1.1 a kept
	// connection ends just as a request comes, which may then be sent again if it is a
	// GET; HTTP/2 says what was not processed.
	t.Run("pods that refuse at once", func(t *testing.T) {
		kubectl(t, "-n", "rolled", "patch", "deployment", "app", "--type=json", "-p",
			`[{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--delay-shutdown=0"}]`)
		awaitReplaced(t, "rolled", nil)
		g.replaceUnderLoad(t, "rolled", http.MethodGet)
	})
	t.Run("a bad one", func(t *testing.T) {
		loads := g.loadEach(t, http.MethodGet)
		address := kubectl(t, "-n", "rolled", "get", "pods", "-l", "app=app", "-o", "jsonpath={.items[0].status.podIP}")
		answer, err := http.Get("http://" + net.JoinHostPort(address, "8080") + "/fail")
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		failing := time.Now()
		for _, l := range loads {
			reachRequests(t, l, 2000)
		}
		for protocol, l := range loads {
			l.end()
			all, lost := l.requests.count()
			later := slices.DeleteFunc(slices.Clone(l.requests.lost), func(loss loss) bool { return loss.at.Before(failing.Add(firstMoments)) })
			t.Logf("%s: %d requests, %d lost, %d of them after %v", protocol, all, lost, len(later), firstMoments)
			t.Log(strings.Join(lossesOf(protocol, l.requests.lost, failing), "\n"))
			if protocol != "grpc" && lost > 0 {
				t.Errorf("%s: %d requests are lost that may be sent again", protocol, lost)
			}
			// It would be a tenth if the pod were not left alone.
			if len(later) > all/100 {
				t.Errorf("%s: %d of %d requests are lost after the first %v", protocol, len(later), all, firstMoments)
			}
		}
	})
}

// firstMoments is how long each replica of the gateway has to notice a bad endpoint.
const firstMoments = 5 * time.Second

// startReplicas runs the application, with an Ingress for each protocol.
func startReplicas(t *testing.T, namespace string) {
	t.Helper()
	restrictedNamespace(t, namespace)
	manifest := fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: %[1]s}
spec:
  replicas: %[2]d
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: app
        image: %[3]s
        args: [netexec, --http-port=8080, --delay-shutdown=10]
        ports: [{name: http, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 1, timeoutSeconds: 10}
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
---
apiVersion: v1
kind: Service
metadata: {name: app, namespace: %[1]s}
spec: {selector: {app: app}, ports: [{name: http, port: 80, targetPort: http}]}
`, namespace, replicas, backendImage)
	for protocol, backend := range spoken {
		manifest += "---\n" + strings.Replace(fmt.Sprintf(ingress, namespace, "", "gatelodge", hostOf(protocol), protocol),
			"metadata: {", "metadata: {annotations: {gatelodge.dev/backend-protocol: "+backend+"}, ", 1)
	}
	apply(t, manifest)
	awaitRollout(t, namespace, "app")
}

func hostOf(protocol string) string { return protocol + ".pke.example.com" }

// loadEach starts a load for each protocol, which ends with the test at the latest.
func (g *loaded) loadEach(t *testing.T, method string) map[string]*load {
	t.Helper()
	loads := make(map[string]*load)
	for protocol := range spoken {
		l := g.loadOf(protocol)
		l.method = method
		ask := l.ask(t, protocol)
		for range 2 {
			l.keepAsking(ask)
		}
		t.Cleanup(l.end)
		loads[protocol] = l
		reachRequests(t, l, 50)
	}
	return loads
}

func (g *loaded) loadOf(protocol string) *load {
	return &load{from: client, name: hostOf(protocol), ca: g.ca, stop: make(chan struct{}), http: g.address + ":443", dns: g.dns + ":53"}
}

// ask returns what asks once by a protocol, over one connection.
func (l *load) ask(t *testing.T, protocol string) func() {
	t.Helper()
	if protocol != "grpc" {
		by := l.client()
		by.ForceAttemptHTTP2 = protocol == "http2"
		t.Cleanup(by.CloseIdleConnections)
		return func() { l.request(protocol, by) }
	}
	conn, err := grpc.NewClient("passthrough:///"+l.http,
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.from.dial(ctx, "tcp", l.http) }),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: l.ca.pool(), ServerName: l.name})), grpc.WithAuthority(l.name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return func() {
		began := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), requestTime)
		defer cancel()
		answer := new(wrapperspb.StringValue)
		err := conn.Invoke(ctx, "/e2e.Echo/Call", wrapperspb.String("still there?"), answer)
		if err == nil && answer.Value != "still there?" {
			err = fmt.Errorf("answered %q", answer.Value)
		}
		l.requests.add(began, protocol, err)
	}
}

// awaitAnswers waits until the application answers by a protocol.
func (g *loaded) awaitAnswers(t *testing.T, protocol string) {
	t.Helper()
	l := g.loadOf(protocol)
	ask := l.ask(t, protocol)
	undertest.AwaitWithin(t, startTime, "the application to answer by "+protocol, func() error {
		l.requests = tally{}
		ask()
		if len(l.requests.lost) > 0 {
			return fmt.Errorf("%s", l.requests.lost[0].how)
		}
		return nil
	})
}

// replacePods replaces every pod of the application, and waits until those of before
// are gone.
func replacePods(t *testing.T, namespace string) {
	t.Helper()
	before := podsOf(t, namespace)
	kubectl(t, "-n", namespace, "rollout", "restart", "deployment/app")
	awaitReplaced(t, namespace, before)
}

// awaitReplaced waits for a rollout of the application, and until there are its own
// pods alone.
func awaitReplaced(t *testing.T, namespace string, before []string) {
	t.Helper()
	awaitRollout(t, namespace, "app")
	undertest.AwaitWithin(t, startTime, "the pods of before to be gone", func() error {
		pods := podsOf(t, namespace)
		if len(pods) != replicas || slices.ContainsFunc(pods, func(pod string) bool { return slices.Contains(before, pod) }) {
			return fmt.Errorf("there are %v", pods)
		}
		return nil
	})
}

func podsOf(t *testing.T, namespace string) []string {
	t.Helper()
	return strings.Fields(kubectl(t, "-n", namespace, "get", "pods", "-l", "app=app", "-o", "jsonpath={.items[*].metadata.name}"))
}

func reachRequests(t *testing.T, l *load, n int) {
	t.Helper()
	undertest.AwaitWithin(t, 5*time.Minute, fmt.Sprintf("%d requests", n), func() error {
		if all, _ := l.requests.count(); all < n {
			return fmt.Errorf("%d requests", all)
		}
		return nil
	})
}

// replaceUnderLoad replaces every pod of the application while it is asked, and wants
// no request to be lost, with a second try as in nothingIsLost.
func (g *loaded) replaceUnderLoad(t *testing.T, namespace, method string) {
	t.Helper()
	for range 2 {
		loads := g.loadEach(t, method)
		replacePods(t, namespace)
		lost := endAll(t, loads)
		if lost == 0 {
			return
		}
		if lost > few {
			break
		}
	}
	t.Error("something was lost")
}

// endAll ends loads, and returns how many requests were lost.
func endAll(t *testing.T, loads map[string]*load) (sum int) {
	t.Helper()
	for protocol, l := range loads {
		reachRequests(t, l, 500)
		l.end()
		all, lost := l.requests.count()
		t.Logf("%s: %d requests, %d lost, the slowest took %v", protocol, all, lost, l.requests.slowest.Round(time.Millisecond))
		if sum += lost; lost > 0 {
			t.Logf("%s: the first was lost by %s", protocol, l.requests.lost[0].how)
		}
	}
	return sum
}
