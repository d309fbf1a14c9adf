package api_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"gatelodge.dev/e2e/apiserver"
	"gatelodge.dev/e2e/undertest"
)

// chartMemory is the chart's limit of memory, in octets.
const chartMemory = 512 << 20

// hugeIngress is an Ingress of namespace evil with as many names and routes as one
// may have.
func hugeIngress(name, path string) *networkingv1.Ingress {
	var aliases []string
	for i := range 199 {
		aliases = append(aliases, fmt.Sprintf("a%d.%s.evil.test", i, name))
	}
	in := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{"gatelodge.dev/server-alias": strings.Join(aliases, ",")}}}
	in.Spec.IngressClassName = new("gatelodge")
	rule := networkingv1.IngressRule{Host: name + ".evil.test"}
	rule.HTTP = new(networkingv1.HTTPIngressRuleValue)
	for i := range 10 {
		rule.HTTP.Paths = append(rule.HTTP.Paths, networkingv1.HTTPIngressPath{
			Path: fmt.Sprint(path, i), PathType: new(networkingv1.PathTypePrefix),
			Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "echo", Port: networkingv1.ServiceBackendPort{Number: 80}}},
		})
	}
	in.Spec.Rules = []networkingv1.IngressRule{rule}
	return in
}

// attackBounds makes more such Ingresses than a namespace may have and goes on to
// edit them, one after the other, until ctx ends. It says when there are too many.
func attackBounds(ctx context.Context, cluster *apiserver.Cluster, tooMany func()) error {
	const ingresses = 60
	evil := cluster.Client.NetworkingV1().Ingresses("evil")
	for i := 0; ctx.Err() == nil; i++ {
		in := hugeIngress(fmt.Sprintf("in%02d", i%ingresses), fmt.Sprintf("/r%d/p", i/ingresses))
		var err error
		if i < ingresses {
			_, err = evil.Create(ctx, in, metav1.CreateOptions{})
		} else {
			_, err = evil.Update(ctx, in, metav1.UpdateOptions{})
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		if i == ingresses {
			tooMany()
		}
	}
	return nil
}

// TestAttackBounds: while a team makes and edits more than its namespace may have,
// as fast as the API server takes it, another team's edits are served all the same,
// and the gateway keeps within the chart's memory. The log says how soon they are;
// the bound is for a machine that does much else meanwhile.
func TestAttackBounds(t *testing.T) {
	const bound, slowdown = 5 * time.Second, 4
	cluster := startCluster(t)
	cluster.Apply(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: evil}\n")
	t.Setenv("GOMEMLIMIT", "512000000") // as the chart sets it for that limit
	g := start(t, "a", configFile(t, gatewayConfig), "--kubeconfig", cluster.Kubeconfig(t, us))
	cluster.Apply(t, startBackend(t, "shop", 1))
	var times []time.Duration
	edit := func(host string) {
		t.Helper()
		cluster.Apply(t, ingress("web", host, ""))
		accepted := time.Now()
		g.Await("another team's edit to be served", func() error { return g.Answers("http://"+host+"/", http.StatusOK) })
		times = append(times, time.Since(accepted))
	}
	median := func(when string) time.Duration {
		slices.Sort(times)
		n := len(times)
		middle := times[n/2]
		t.Logf("%s: %d edits are served after %v in the median, %v at most", when, n, middle.Round(time.Millisecond), times[n-1].Round(time.Millisecond))
		times = nil
		return middle
	}
	for i := range 9 {
		edit(fmt.Sprintf("calm%d.example.test", i))
	}
	calm := median("calm")

	ctx, stop := context.WithCancel(t.Context())
	tooMany, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- attackBounds(ctx, cluster, func() { close(tooMany) }) }()
	edits := 0
	editUntil := func(done func() bool) {
		for least := edits + 9; edits < least || !done(); edits++ {
			edit(fmt.Sprintf("attacked%d.example.test", edits))
		}
	}
	editUntil(func() bool {
		select {
		case <-tooMany:
			return true
		case err := <-ended:
			t.Fatalf("the attack ended: %v", err)
		default:
		}
		return false
	})
	undertest.Await(t, "the problem of too large a namespace", func() error {
		problems, err := g.Page("/api/problems")
		if err == nil && !strings.Contains(problems, "the objects of namespace evil would take more than") {
			err = fmt.Errorf("problems are %.500s", problems)
		}
		return err
	})
	editUntil(func() bool { return true })
	attacked, most := median("attacked"), max(bound, slowdown*calm)
	for again := 0; attacked > most && again < 3; again++ { // the machine may have been busy for a moment
		editUntil(func() bool { return true })
		attacked = median("attacked still")
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("the attack: %v", err)
	}
	if attacked > most {
		t.Errorf("another team's edit is served after %v in the median, the most is %v", attacked, most)
	}
	rss := g.Memory("VmHWM")
	t.Logf("at most %d MiB RSS", rss>>20)
	if rss >= chartMemory {
		t.Errorf("the gateway took %d octets, the chart's limit is %d", rss, chartMemory)
	}
}
