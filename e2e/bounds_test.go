package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"

	"gatelodge.dev/e2e/undertest"
)

// memoryLimit returns the chart's limit of memory, in octets.
func memoryLimit(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("../deploy/chart/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var values struct {
		Resources struct {
			Limits struct{ Memory resource.Quantity }
		}
	}
	if err := yaml.Unmarshal(text, &values); err != nil || values.Resources.Limits.Memory.IsZero() {
		t.Fatalf("the chart's limit of memory is %v: %v", values.Resources.Limits.Memory, err)
	}
	return int(values.Resources.Limits.Memory.Value())
}

// manyRoutes is the manifest of an Ingress of namespace evil with names of so many
// paths each; those after the first are aliases.
func manyRoutes(name string, names, paths int) string {
	var aliases []string
	for i := range names - 1 {
		aliases = append(aliases, fmt.Sprintf("a%d.%s.evil.test", i+1, name))
	}
	var b strings.Builder
	fmt.Fprintf(&b, `---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: %[1]s, namespace: evil, annotations: {gatelodge.dev/server-alias: %[2]q}}
spec:
  ingressClassName: gatelodge
  rules:
  - host: %[1]s.evil.test
    http:
      paths:
`, name, strings.Join(aliases, ","))
	for i := range paths {
		fmt.Fprintf(&b, "      - {path: /p%d, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}\n", i)
	}
	return b.String()
}

// guess tries 200 wrong passwords at once, and returns once one is refused, because
// more than one client may have are waiting. wait waits for all the answers.
func guess(g *undertest.Gateway) (wait func()) {
	var guessing sync.WaitGroup
	client, refused := g.Client(), make(chan struct{}, 200)
	for i := range cap(refused) {
		guessing.Go(func() {
			status, err := request(client, "GET", "http://guessed.test/", func(r *http.Request) { r.SetBasicAuth("anna", fmt.Sprint("guess", i)) })
			if err == nil && status == http.StatusTooManyRequests {
				refused <- struct{}{}
			}
		})
	}
	g.Await("more wrong passwords than one client may have waiting", func() error {
		if len(refused) == 0 {
			return errors.New("none is refused")
		}
		return nil
	})
	return guessing.Wait
}

// medianEdit makes edits of a team's Ingress, one after the other, and returns the
// median of the times from the writing until each is served.
func medianEdit(t *testing.T, g *undertest.Gateway, dir, before, name string, edits int) time.Duration {
	t.Helper()
	var times []time.Duration
	for i := range edits {
		host := fmt.Sprintf("%s%d.test", name, i)
		began := time.Now()
		write(t, dir, "web.yaml", before+annotated("web", host, "/", ""))
		g.Await("another team's change to be served", func() error { return g.Answers("http://"+host+"/", http.StatusOK) })
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	t.Logf("%s: %d edits are served after %v in the median, %v at most", name, edits, times[edits/2].Round(time.Millisecond), times[edits-1].Round(time.Millisecond))
	return times[edits/2]
}

// keepWriting writes one text after the other into a file until it is told to stop.
func keepWriting(t *testing.T, dir, file string, texts ...string) (stop func()) {
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-ended:
				return
			case <-time.After(100 * time.Millisecond):
				write(t, dir, file, texts[i%len(texts)])
			}
		}
	}()
	return func() { close(ended); <-done }
}

// TestAttackBounds: while a team keeps editing objects as large as they may be, and
// larger, or its host's passwords are tried, another team's changes are served all
// the same, and the gateway keeps within the chart's memory. What is beyond a bound is
// a problem of its object. The log says how soon changes are served, in the median;
// the bound is for a machine that does much else meanwhile, and is not looked at under
// the race detector, whose hashes of passwords leave no time for anything else.
func TestAttackBounds(t *testing.T) {
	const bound, slowdown = 5 * time.Second, 4
	limit := memoryLimit(t)
	var namespace strings.Builder // about 70 MiB by the gateway's estimate, of which it may have 32 MiB
	for i := range 100 {
		namespace.WriteString(manyRoutes(fmt.Sprintf("in%03d", i), 200, 10))
	}
	const tooMany = "the objects of namespace evil would take more than"
	for name, attack := range map[string]struct {
		manifests, host string // a host of the manifests that is served
		problem         string // of an object of namespace evil; "": none
		flood           bool
	}{
		"an Ingress at its bounds":          {manyRoutes("much", 200, 10), "a199.much.evil.test", "", false},
		"an Ingress with a name too many":   {manyRoutes("much", 201, 9), "a199.much.evil.test", "it asks for 201 names", false},
		"an Ingress of aliases times paths": {manyRoutes("much", 1700, 1600), "much.evil.test", "it asks for more than 2000 routes", false},
		"a namespace too large":             {namespace.String(), "in000.evil.test", tooMany, false},
		"wrong passwords as well":           {namespace.String(), "in000.evil.test", tooMany, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			port := startBackend(t, "web")
			web := service("web", port) + annaOf + annotated("admin", "guessed.test", "/", basicAuth)
			write(t, dir, "class.yaml", classManifest)
			write(t, dir, "web.yaml", web+annotated("web", "before.test", "/", ""))
			g := undertest.Start(t, "serve", "--manifests", dir)
			calm := medianEdit(t, g, dir, web, "calm", 7)

			evil := strings.ReplaceAll(service("web", port), "namespace: shop", "namespace: evil") + attack.manifests
			write(t, dir, "evil.yaml", evil)
			g.Await("the attack to be read", func() error {
				problems, err := g.Page("/api/problems")
				if err != nil {
					return err
				}
				if !strings.Contains(problems, attack.problem) {
					return fmt.Errorf("problems are %.2000s", problems)
				}
				return g.Answers("http://"+attack.host+"/p0", http.StatusOK)
			})
			problems, err := g.Page("/api/problems")
			if err != nil || attack.problem == "" && strings.Contains(problems, "TooMuch") {
				t.Errorf("problems are %.2000s, %v", problems, err)
			}
			if attack.flood {
				defer guess(g)()
			}
			stop := keepWriting(t, dir, "evil.yaml", strings.ReplaceAll(evil, "path: /p", "path: /q"), evil)
			attacked, most := medianEdit(t, g, dir, web, "attacked", 11), max(bound, slowdown*calm)
			for again := 0; attacked > most && again < 3 && !undertest.Race; again++ { // the machine may have been busy for a moment
				attacked = medianEdit(t, g, dir, web, fmt.Sprint("still", again), 11)
			}
			stop()
			if attacked > most && !undertest.Race {
				t.Errorf("another team's change is served after %v in the median, the most is %v", attacked, most)
			}
			rss := g.Memory("VmHWM")
			t.Logf("at most %d MiB RSS", rss>>20)
			if rss >= limit {
				t.Errorf("the gateway took %d octets, the chart's limit is %d", rss, limit)
			}
		})
	}
}
