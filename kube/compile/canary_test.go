package compile

import (
	"fmt"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

// canaryOf returns a canary of all paths of an Ingress, with a backend of its own.
func canaryOf(main *networkingv1.Ingress, age int, weight string) *networkingv1.Ingress {
	c := boundedIngress(main.Namespace, fmt.Sprint(main.Name, "-canary", age), age, 1, 1)
	c.Annotations = map[string]string{"nginx.ingress.kubernetes.io/canary": "true", "nginx.ingress.kubernetes.io/canary-weight": weight}
	c.Spec = *main.Spec.DeepCopy()
	for i := range c.Spec.Rules[0].HTTP.Paths {
		c.Spec.Rules[0].HTTP.Paths[i].Backend.Service.Name = "new"
	}
	return c
}

// TestCanaryFollows: what a canary changes, comes and goes with it, at aliases of
// its main Ingress too, and what it does not change stays the same.
func TestCanaryFollows(t *testing.T) {
	main, other := boundedIngress("shop", "web", 5, 3, 2), boundedIngress("shop", "other", 5, 1, 2)
	first, heavier, second := canaryOf(main, 2, "10"), canaryOf(main, 2, "50"), canaryOf(main, 1, "20")
	heavier.ResourceVersion = "2"
	without := boundedIngress("shop", "web", 5, 1, 2)
	without.ResourceVersion = "2"
	cfg := &objects.Config{WithoutClass: true}
	var b Builder
	build := func(list ...*networkingv1.Ingress) *gatelodge.Snapshot {
		objs := objects.Objects{Now: kubetest.Now, Ingresses: objects.TableOf(append(list, other)...)}
		got := b.Build(objs, cfg)
		if cold := new(Builder).Build(objs, cfg); got.String() != cold.String() {
			t.Errorf("what was built after other objects differs from what is built of these alone:\n%s\nwant:\n%s", got, cold)
		}
		return got
	}
	before := build(main)
	for _, step := range []struct {
		what          string
		list          []*networkingv1.Ingress
		hosts, weight int
		problems      int
	}{
		{"a canary comes", []*networkingv1.Ingress{main, first}, 3, 10, 0},
		{"it gets more", []*networkingv1.Ingress{main, heavier}, 3, 50, 0},
		{"another one comes", []*networkingv1.Ingress{main, heavier, second}, 3, 50, 2},
		{"the older one goes", []*networkingv1.Ingress{main, second}, 3, 20, 0},
		{"the aliases go", []*networkingv1.Ingress{without, second}, 1, 20, 0},
		{"the main Ingress goes", []*networkingv1.Ingress{second}, 0, 0, 2},
		{"it returns", []*networkingv1.Ingress{main, second}, 3, 20, 0},
		{"the canary goes", []*networkingv1.Ingress{main}, 3, 0, 0},
	} {
		s := build(step.list...)
		hosts, problems := 0, 0
		for name, host := range s.Hosts.All() {
			if host.Routes[0].Object.Name == "other" {
				if host != before.Hosts.Get(name) {
					t.Errorf("%s: host %s was made anew", step.what, name)
				}
				continue
			}
			hosts++
			for _, route := range host.Routes {
				switch c := route.Canary; {
				case c == nil && step.weight != 0:
					t.Errorf("%s: %s of %s has no canary", step.what, route.Path, name)
				case c != nil && c.Weight != step.weight:
					t.Errorf("%s: the canary at %s of %s has weight %d, want %d", step.what, route.Path, name, c.Weight, step.weight)
				}
			}
		}
		for p := range s.Problems.All() {
			if p.Reason == gatelodge.PathTaken || p.Reason == gatelodge.BadAnnotation {
				problems++
			}
		}
		if hosts != step.hosts || problems != step.problems {
			t.Errorf("%s: %d hosts and %d problems, want %d and %d", step.what, hosts, problems, step.hosts, step.problems)
		}
	}
}

// TestCanaryIsBounded: a canary may ask for as many routes as any Ingress, and counts
// for what its namespace takes.
func TestCanaryIsBounded(t *testing.T) {
	main := boundedIngress("shop", "web", 5, 1, 20)
	objs := objects.Objects{Now: kubetest.Now, Ingresses: objects.TableOf(main, canaryOf(main, 2, "10"))}
	split := func(bounds objects.Bounds) (n int) {
		s := new(Builder).Build(objs, &objects.Config{WithoutClass: true, Bounds: bounds})
		for _, host := range s.Hosts.All() {
			for _, route := range host.Routes {
				if route.Canary != nil {
					n++
				}
			}
		}
		if _, _, problems := routesOf(s, "shop"); n < 20 && problems == 0 {
			t.Errorf("%d of 20 routes are split, and no problem says why", n)
		}
		return n
	}
	if n := split(objects.Bounds{}); n != 20 {
		t.Errorf("%d routes are split, want all 20", n)
	}
	if n := split(objects.Bounds{BytesPerNamespace: 8 << 10}); n != 0 {
		t.Errorf("%d routes are split beyond what the namespace may take", n)
	}
	objs.Ingresses = objects.TableOf(boundedIngress("shop", "web", 5, 1, 10), canaryOf(main, 2, "10"))
	if n := split(objects.Bounds{RoutesPerIngress: 5}); n > 5 {
		t.Errorf("%d routes are split, the most is 5", n)
	}
}
