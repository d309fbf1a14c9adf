//go:build debian

package cluster_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatelodge.dev/e2e/undertest"
)

// tunnelTime is the drain.tunnels of the gateways under load.
const tunnelTime = 20 * time.Second

// loadedConfig is that of the gateways under load.
var loadedConfig = zoneConfig + fmt.Sprintf("drain: {delay: 5s, timeout: 15s, tunnels: %v}\n", tunnelTime)

// enough is how many requests and queries a claim that none was lost wants.
const enough = 10_000

// few is how much may be lost for a rollout to be tried again: the nodes share a
// machine, and one that gets no CPU time for seconds drops packets by itself, which a
// gateway that loses something does not do once in so many.
const few = enough / 1000

// TestUnderLoad puts load on the gateway, installed under one traffic policy and then
// under the other. It is installed anew, because MetalLB takes the address from a
// Service whose policy is not any more that of the one it shares it with.
func TestUnderLoad(t *testing.T) {
	var told []string
	t.Cleanup(func() { // after all that is told of pods, which is long
		if t.Failed() {
			t.Log(strings.Join(told, "\n"))
		}
	})
	for _, policy := range []string{"Local", "Cluster"} {
		t.Run(policy, func(t *testing.T) {
			g := startLoaded(t, policy)
			t.Run("nothing is lost", func(t *testing.T) { told = append(told, nothingIsLost(t, g)...) })
			t.Run("disruptions", func(t *testing.T) { disruptions(t, g) })
			// What has nothing to do with the policy comes once.
			if policy == "Local" {
				t.Run("skew", func(t *testing.T) { skew(t, g) })
			} else {
				t.Run("replaced backends", func(t *testing.T) { replacedBackends(t, g) })
			}
		})
	}
}

// nothingIsLost: whatever is rolled out, under either traffic policy, no request and
// no query is lost, and WebSockets stay for as long as was promised. It returns what
// went wrong.
func nothingIsLost(t *testing.T, g *loaded) (told []string) {
	for _, rollout := range []struct {
		name  string
		start func(t *testing.T, try int)
	}{
		{"restart", func(t *testing.T, _ int) {
			kubectl(t, "-n", g.namespace, "rollout", "restart", "deployment/gatelodge")
		}},
		{"upgrade", func(t *testing.T, try int) {
			_, tag, _ := strings.Cut(gatewayImages()[1-try], ":")
			g.upgrade(t, tag)
		}},
	} {
		t.Run(rollout.name, func(t *testing.T) {
			for try := range 2 {
				lost, problems := g.rollOut(t, func(t *testing.T) { rollout.start(t, try) })
				if len(problems) == 0 {
					return
				}
				told = append(append(told, t.Name()), problems...)
				t.Log(strings.Join(problems, "\n"))
				if lost > few {
					break
				}
			}
			t.Error("something was lost")
		})
	}
	return told
}

// rollOut starts a rollout under load and returns what became of it if anything was
// lost, and how many requests and queries were.
func (g *loaded) rollOut(t *testing.T, start func(*testing.T)) (lost int, problems []string) {
	t.Helper()
	g.settle(t)
	announcing := announcer(t, g.address)
	l := g.load(t)
	before := g.pods(t)
	began := time.Now()
	start(t)
	awaitRollout(t, g.namespace, "gatelodge")
	undertest.AwaitWithin(t, startTime, "the pods of before to be gone", func() error {
		for _, pod := range g.pods(t) {
			if slices.Contains(before, pod) {
				return fmt.Errorf("%s is there", pod)
			}
		}
		return nil
	})
	l.reach(t, enough)
	l.end()
	result := l.tell(t, began)
	_, requests := l.requests.count()
	_, queries := l.queries.count()
	lives := l.lives(began)
	early := len(lives) > 0 && lives[0] < tunnelTime
	if requests+queries == 0 && !early {
		return 0, nil
	}
	problems = append(result, fmt.Sprintf("the address was announced by %s before and is by %s now", announcing, announcer(t, g.address)))
	if early {
		problems = append(problems, fmt.Sprintf("a WebSocket broke after %v, want them to stay for %v", lives[0], tunnelTime))
	}
	return requests + queries, problems
}

// disruptions: what breaks, and what an administrator does to nodes, costs a few
// requests at most, and the gateway recovers without help.
func disruptions(t *testing.T, g *loaded) {
	for _, disruption := range []struct {
		name string
		do   func(t *testing.T, g *loaded, node string) (undo func()) // to the one that announces the address
	}{
		{"killed process", killProcess},
		{"killed container", killContainer},
		{"drained node", drainNode},
		{"moved address", moveAddress},
	} {
		t.Run(disruption.name, func(t *testing.T) {
			var problems []string
			for range 2 { // for the reason that few has
				if problems = g.disrupt(t, disruption.do); len(problems) == 0 {
					return
				}
				t.Log(strings.Join(problems, "\n"))
			}
			t.Error(strings.Join(problems, "\n"))
		})
	}
}

// disrupt does something to the gateway under load, and returns what was worse than a
// few requests that are lost.
func (g *loaded) disrupt(t *testing.T, do func(t *testing.T, g *loaded, node string) (undo func())) (problems []string) {
	t.Helper()
	g.settle(t)
	node := announcer(t, g.address)
	l := g.load(t)
	began := time.Now()
	undo := do(t, g, node)
	recovered := time.Now()
	l.reach(t, 5000)
	l.end()
	l.tell(t, began)
	undo()
	for _, loss := range append(l.requests.lost, l.queries.lost...) {
		if loss.at.After(recovered.Add(requestTime)) {
			problems = append(problems, fmt.Sprintf("%v after all was as it should be again: %s", loss.at.Sub(recovered), loss.how))
		}
	}
	// A kubelet with little CPU time takes seconds to see that a container ended.
	if all, lost := l.requests.count(); lost > all/5 {
		problems = append(problems, fmt.Sprintf("%d of %d requests are lost", lost, all))
	}
	if all, lost := l.queries.count(); lost > all/10 {
		problems = append(problems, fmt.Sprintf("%d of %d queries are lost", lost, all))
	}
	return problems
}

// killProcess kills the process that serves. Its supervisor starts another, of which
// the cluster notices nothing.
func killProcess(t *testing.T, g *loaded, node string) (undo func()) {
	pod := g.podOn(t, node)
	const again = "the gateway serves again"
	logged := func() []string { return strings.Split(kubectl(t, "-n", g.namespace, "logs", pod), again) }
	before, restarts := len(logged()), g.restarts(t, pod)
	kill(t, pod, true)
	undertest.AwaitWithin(t, startTime, pod+" to serve again", func() error {
		parts := logged()
		if len(parts) == before {
			return errors.New("it does not")
		}
		how, _, _ := strings.Cut(parts[len(parts)-1], "\n")
		t.Log("it serves again", how)
		return nil
	})
	if n := g.restarts(t, pod); n != restarts {
		t.Errorf("the container of %s was restarted %s times, before %s", pod, n, restarts)
	}
	return func() {}
}

// killContainer kills the supervisor, and with it all of the container.
func killContainer(t *testing.T, g *loaded, node string) (undo func()) {
	pod := g.podOn(t, node)
	restarts := g.restarts(t, pod)
	kill(t, pod, false)
	undertest.AwaitWithin(t, startTime, pod+" to be started again", func() error {
		if g.restarts(t, pod) == restarts {
			return errors.New("it was not")
		}
		return nil
	})
	awaitRollout(t, g.namespace, "gatelodge")
	return func() {}
}

// restarts returns how often the kubelet has started the gateway of a pod again.
func (g *loaded) restarts(t *testing.T, pod string) string {
	t.Helper()
	return kubectl(t, "-n", g.namespace, "get", "pod", pod, "-o", "jsonpath={.status.containerStatuses[0].restartCount}")
}

// drainNode empties a node, and afterwards has a pod on each again.
func drainNode(t *testing.T, g *loaded, node string) (undo func()) {
	undo = sync.OnceFunc(func() {
		kubectl(t, "uncordon", node)
		kubectl(t, "-n", g.namespace, "rollout", "restart", "deployment/gatelodge")
		awaitRollout(t, g.namespace, "gatelodge")
	})
	t.Cleanup(undo)
	kubectl(t, "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout", startTime.String())
	awaitRollout(t, g.namespace, "gatelodge")
	return undo
}

// moveAddress keeps a node from announcing, as before its maintenance.
func moveAddress(t *testing.T, g *loaded, node string) (undo func()) {
	const exclude = "node.kubernetes.io/exclude-from-external-load-balancers"
	undo = sync.OnceFunc(func() { kubectl(t, "label", "node", node, exclude+"-") })
	t.Cleanup(undo)
	kubectl(t, "label", "node", node, exclude+"=")
	undertest.AwaitWithin(t, startTime, "the address to move", func() error {
		if at := announcer(t, g.address); at == node {
			return fmt.Errorf("it is at %s", at)
		}
		return nil
	})
	return undo
}

// loaded is an installation that load is put on.
type loaded struct {
	namespace, policy, address, dns string
	ca                              *authority
}

// startLoaded installs the gateway, and an application.
func startLoaded(t *testing.T, policy string) *loaded {
	t.Helper()
	installMetalLB(t)
	g := &loaded{namespace: "loaded", policy: policy, ca: newAuthority(t)}
	restrictedNamespace(t, g.namespace)
	g.ca.applyWildcard(t, g.namespace, "pke.example.com")
	helmInstall(t, g.namespace, "gatelodge", g.values(""))
	startBackend(t, "shop", "gatelodge", "app.pke.example.com")
	g.address = serviceAddress(t, g.namespace, "gatelodge")
	g.dns = serviceAddress(t, g.namespace, "gatelodge-dns")
	return g
}

func (g *loaded) values(tag string) string {
	return values(loadedConfig, g.namespace) + fmt.Sprintf("services: {externalTrafficPolicy: %s}\nimage: {tag: %q}\n", g.policy, tag)
}

func (g *loaded) upgrade(t *testing.T, tag string) {
	t.Helper()
	helmUpgrade(t, g.namespace, "gatelodge", g.values(tag))
}

// settle waits until there are two pods, one on each node, and the application
// answers at the address. Nodes forget the connections of before: a client may have
// a port again of which a node still knows a connection to a pod that is gone, if it
// did not see its end because the address had moved, and would be led there.
func (g *loaded) settle(t *testing.T) {
	t.Helper()
	for _, n := range nodes {
		if _, err := n.run(t.Context(), "conntrack", "--flush"); err != nil {
			t.Fatal(err)
		}
	}
	undertest.AwaitWithin(t, startTime, "two pods", func() error {
		if pods := g.pods(t); len(pods) != 2 {
			return fmt.Errorf("there are %v", pods)
		}
		return nil
	})
	wantSpread(t, g.namespace, "gatelodge")
	l := &load{from: client, name: "app.pke.example.com", ca: g.ca, http: g.address + ":443", dns: g.dns + ":53"}
	undertest.AwaitWithin(t, startTime, "the application to answer", func() error {
		l.requests = tally{}
		l.request("first", l.client())
		if len(l.requests.lost) > 0 {
			return fmt.Errorf("%s", l.requests.lost[0].how)
		}
		return l.exchange()
	})
}

// load starts the load, and ends it if the test does not get there.
func (g *loaded) load(t *testing.T) *load {
	t.Helper()
	l, err := startLoad(client, g.address, g.dns, "app.pke.example.com", g.ca)
	if err != nil {
		t.Fatal(err)
	}
	l.reach(t, 100)
	return l
}

// pods lists the gateway's pods, those that end included.
func (g *loaded) pods(t *testing.T) []string {
	t.Helper()
	return strings.Fields(kubectl(t, "-n", g.namespace, "get", "pods", "-l", "app.kubernetes.io/name=gatelodge", "-o", "jsonpath={.items[*].metadata.name}"))
}

func (g *loaded) podOn(t *testing.T, node string) string {
	t.Helper()
	return kubectl(t, "-n", g.namespace, "get", "pods", "-l", "app.kubernetes.io/name=gatelodge",
		"--field-selector", "spec.nodeName="+node, "-o", "jsonpath={.items[0].metadata.name}")
}

// kill ends a process in a pod at once: the one that serves, or its supervisor.
func kill(t *testing.T, pod string, serving bool) {
	t.Helper()
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range environs {
		environ, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(environ, []byte("\x00POD_NAME="+pod+"\x00")) {
			continue // most of them: other processes, some of which have ended
		}
		if child := bytes.Contains(environ, []byte("\x00GATELODGE_SUPERVISOR=")); child != serving {
			continue
		}
		id, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(id, syscall.SIGKILL); err != nil {
			t.Fatalf("killing %s: %v", pod, err)
		}
		return
	}
	t.Fatalf("no process of pod %s", pod)
}

// reach waits until so many requests and queries were made.
func (l *load) reach(t *testing.T, n int) {
	t.Helper()
	undertest.AwaitWithin(t, 5*time.Minute, fmt.Sprintf("%d requests and queries", n), func() error {
		requests, _ := l.requests.count()
		queries, _ := l.queries.count()
		if requests < n || queries < n {
			return fmt.Errorf("%d requests, %d queries", requests, queries)
		}
		return nil
	})
}

// tell prints what became of a load that has ended, and returns it.
func (l *load) tell(t *testing.T, began time.Time) (lines []string) {
	requests, lost := l.requests.count()
	queries, lostQueries := l.queries.count()
	_, retried := l.retried.count()
	lines = append(lines, fmt.Sprintf("%d requests, %d lost, the slowest took %v; %d queries, %d lost, %d answered when sent again; %d WebSockets, broken after %v",
		requests, lost, l.requests.slowest.Round(time.Millisecond), queries, lostQueries, retried, len(l.sockets), l.lives(began)))
	lines = append(lines, lossesOf("requests", l.requests.lost, began)...)
	lines = append(lines, lossesOf("queries", l.queries.lost, began)...)
	lines = append(lines, lossesOf("queries sent again", l.retried.lost, began)...)
	for _, line := range lines {
		t.Log(line)
	}
	return lines
}

// lossesOf says which losses there were and when, those of one kind in a line.
func lossesOf(what string, losses []loss, began time.Time) (lines []string) {
	kinds := make(map[string][]time.Duration)
	for _, loss := range losses {
		kind := loss.how[strings.LastIndex(loss.how, ": ")+2:]
		if how, _, ok := strings.Cut(loss.how, ": "); ok {
			kind = how + ": " + kind
		}
		kinds[kind] = append(kinds[kind], loss.at.Sub(began).Round(time.Millisecond))
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		at := kinds[kind]
		lines = append(lines, fmt.Sprintf("%d %s, from %v to %v: %s", len(at), what, slices.Min(at), slices.Max(at), kind))
	}
	return lines
}
