package compile

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/claims"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

// boundedIngress has names of so many paths each; those after the first are
// aliases.
func boundedIngress(namespace, name string, age, names, paths int) *networkingv1.Ingress {
	in := kubetest.BigIngress(metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID(namespace + name), ResourceVersion: "1",
		CreationTimestamp: metav1.NewTime(kubetest.Now.Add(time.Duration(-age) * time.Hour)),
	}, 0)
	http := in.Spec.Rules[0].HTTP
	for i := len(http.Paths); i < paths; i++ {
		path := http.Paths[0]
		path.Path = fmt.Sprint("/p", i)
		http.Paths = append(http.Paths, path)
	}
	http.Paths = http.Paths[:paths]
	var aliases []string
	for i := range names - 1 {
		aliases = append(aliases, fmt.Sprintf("a%d.%s.%s.example.com", i, name, namespace))
	}
	if len(aliases) > 0 {
		in.Annotations = map[string]string{"gatelodge.dev/server-alias": strings.Join(aliases, ",")}
	}
	return in
}

// routesOf counts the hosts and routes of a namespace, and what is too much of
// it.
func routesOf(s *gatelodge.Snapshot, namespace string) (hosts, routes, problems int) {
	for _, host := range s.Hosts.All() {
		if host.Owner == namespace {
			hosts, routes = hosts+1, routes+len(host.Routes)
		}
	}
	for p := range s.Problems.All() {
		if p.Object.Namespace == namespace && p.Reason == gatelodge.TooMuch {
			problems++
		}
	}
	return hosts, routes, problems
}

// TestAttackBounds: what is within the bounds is served, what is beyond is a
// problem of its object, and others are served whole.
func TestAttackBounds(t *testing.T) {
	for _, test := range []struct {
		name         string
		bounds       objects.Bounds
		names, paths int
		want         [3]int // hosts, routes and problems
	}{
		{"no bounds", objects.Bounds{}, 50, 3, [3]int{50, 150, 0}},
		{"within them", objects.Bounds{NamesPerIngress: 50, RoutesPerIngress: 150, BytesPerNamespace: 1 << 20}, 50, 3, [3]int{50, 150, 0}},
		{"a name too many", objects.Bounds{NamesPerIngress: 49}, 50, 3, [3]int{49, 147, 1}},
		{"routes by aliases", objects.Bounds{RoutesPerIngress: 149}, 50, 3, [3]int{49, 147, 1}},
		{"memory", objects.Bounds{BytesPerNamespace: 1024}, 50, 3, [3]int{0, 0, 1}},
		{"more than is read of one object", objects.Bounds{NamesPerIngress: 200}, 20_000, 2, [3]int{200, 400, 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := &objects.Config{WithoutClass: true, Bounds: test.bounds}
			objs := objects.Objects{Now: kubetest.Now, Ingresses: objects.TableOf(
				boundedIngress("evil", "much", 5, test.names, test.paths),
				boundedIngress("shop", "web", 1, 1, 2),
			)}
			s := new(Builder).Build(objs, cfg)
			var got [3]int
			if got[0], got[1], got[2] = routesOf(s, "evil"); got != test.want {
				t.Errorf("%d hosts, %d routes and %d problems, want %v", got[0], got[1], got[2], test.want)
			}
			want := [3]int{1, 2, 0}
			if test.bounds.BytesPerNamespace == 1024 {
				want = [3]int{0, 0, 1} // it is less than one host
			}
			if got[0], got[1], got[2] = routesOf(s, "shop"); got != want {
				t.Errorf("of another namespace: %d hosts, %d routes and %d problems, want %v", got[0], got[1], got[2], want)
			}
		})
	}
}

// TestShortNamesCountInBounds: they are names and routes as all others, and what is
// left out first.
func TestShortNamesCountInBounds(t *testing.T) {
	zones := []objects.ZoneConfig{{Name: "example.com", TTL: time.Minute, Levels: []string{"domain", "project"}}}
	plain := claims.Trim(new(Builder).claimantOf(boundedIngress("evil", "much", 5, 50, 3)), objects.Bounds{}).Bytes
	for _, test := range []struct {
		name   string
		bounds objects.Bounds
		want   [3]int // hosts, routes and problems
	}{
		{"no bounds", objects.Bounds{}, [3]int{100, 300, 0}},
		{"names", objects.Bounds{NamesPerIngress: 70}, [3]int{70, 210, 1}},
		{"routes", objects.Bounds{RoutesPerIngress: 160}, [3]int{53, 159, 1}},
		{"memory", objects.Bounds{BytesPerNamespace: plain + plain/2}, [3]int{0, 0, 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := boundedIngress("evil", "much", 5, 50, 3)
			in.Spec.Rules[0].Host = "first.much.evil.example.com"
			in.Annotations["gatelodge.dev/short-names"] = "true"
			s := new(Builder).Build(objects.Objects{Now: kubetest.Now, Ingresses: objects.TableOf(in)},
				&objects.Config{WithoutClass: true, Bounds: test.bounds, Zones: zones})
			var got [3]int
			if got[0], got[1], got[2] = routesOf(s, "evil"); got != test.want {
				t.Errorf("%d hosts, %d routes and %d problems, want %v", got[0], got[1], got[2], test.want)
			}
			if got[0] > 50 && s.Hosts.Get("a48.much.evil.example.com") == nil {
				t.Error("a long name is left out before short ones")
			}
		})
	}
}

// TestBoundOfANamespace keeps its oldest objects, whatever comes and goes, and
// takes nothing from another.
func TestBoundOfANamespace(t *testing.T) {
	one := claims.Trim(new(Builder).claimantOf(boundedIngress("evil", "in9", 1, 1, 2)), objects.Bounds{}).Bytes
	cfg := &objects.Config{WithoutClass: true, Bounds: objects.Bounds{BytesPerNamespace: 3 * one}}
	objs := objects.Objects{Now: kubetest.Now, Ingresses: objects.TableOf(boundedIngress("shop", "web", 1, 1, 2))}
	var warm Builder
	check := func(when string, want ...string) {
		t.Helper()
		s := warm.Build(objs, cfg)
		if cold := new(Builder).Build(objs, cfg); !reflect.DeepEqual(s, cold) {
			t.Errorf("%s: a warm build gives\n%s\na cold one\n%s", when, s, cold)
		}
		var got []string
		for _, host := range s.Hosts.All() {
			if host.Owner == "evil" {
				got = append(got, strings.TrimSuffix(string(host.Name), ".evil.example.com"))
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: serves %v, want %v", when, got, want)
		}
		if hosts, _, problems := routesOf(s, "shop"); hosts != 1 || problems != 0 {
			t.Errorf("%s: another namespace has %d hosts and %d problems", when, hosts, problems)
		}
	}
	check("at first")
	for _, i := range []int{3, 1, 4} {
		objs.Ingresses = objects.WithObjects(objs.Ingresses, boundedIngress("evil", fmt.Sprint("in", i), i, 1, 2))
	}
	check("at the bound", "in1", "in3", "in4")
	objs.Ingresses = objects.WithObjects(objs.Ingresses, boundedIngress("evil", "in2", 2, 1, 2))
	check("with one more", "in2", "in3", "in4")
	objs.Ingresses = objs.Ingresses.Without(objects.Key{Namespace: "evil", Name: "in3"})
	check("with one less", "in1", "in2", "in4")
	cfg = &objects.Config{WithoutClass: true, Bounds: objects.Bounds{BytesPerNamespace: one}}
	check("with a lower bound", "in4")
	cfg = &objects.Config{WithoutClass: true}
	check("without a bound", "in1", "in2", "in4")
}

// claimantOf returns what an Ingress asks for.
func (b *Builder) claimantOf(in *networkingv1.Ingress) *intent.Claimant {
	b.Build(objects.Objects{Now: kubetest.Now, Ingresses: objects.TableOf(in)}, &objects.Config{WithoutClass: true})
	for _, claimant := range b.Claimants().All() {
		return claimant
	}
	return nil
}

// TestAttackRoutesByAliases: a few hundred KiB of Ingress made millions of
// routes.
func TestAttackRoutesByAliases(t *testing.T) {
	in := boundedIngress("evil", "much", 1, 5000, 1500)
	cfg := &objects.Config{WithoutClass: true, Bounds: objects.Bounds{NamesPerIngress: 200, RoutesPerIngress: 2000, BytesPerNamespace: 32 << 20}}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := new(Builder).Build(objects.Objects{Now: kubetest.Now, Ingresses: objects.TableOf(in)}, cfg)
	runtime.ReadMemStats(&after)
	if hosts, routes, problems := routesOf(s, "evil"); hosts != 1 || routes != 1500 || problems != 1 {
		t.Errorf("%d hosts, %d routes, %d problems", hosts, routes, problems)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
		t.Errorf("it took %d MiB", took>>20)
	}
}

// TestAliasesShareRoutes: hosts of one Ingress that have the same routes, by its
// rules or by aliases, share one list of them, also when one of them changes.
func TestAliasesShareRoutes(t *testing.T) {
	in := boundedIngress("shop", "web", 1, 30, 20)
	for i := range 30 { // that spell the same paths out
		rule := *in.Spec.Rules[0].DeepCopy()
		rule.Host = fmt.Sprintf("rule%d.example.com", i)
		in.Spec.Rules = append(in.Spec.Rules, rule)
	}
	other := boundedIngress("shop", "other", 1, 1, 20)
	cfg := &objects.Config{WithoutClass: true}
	objs := objects.Objects{Now: kubetest.Now, Ingresses: objects.TableOf(in, other)}
	var b Builder
	lists := func() (lists map[*gatelodge.Route]int) {
		lists = make(map[*gatelodge.Route]int)
		for _, host := range b.Build(objs, cfg).Hosts.All() {
			if len(host.Routes) != 20 {
				t.Errorf("host %s has %d routes, want 20", host.Name, len(host.Routes))
			}
			lists[host.Routes[0]]++
		}
		return lists
	}
	if got := lists(); len(got) != 2 {
		t.Errorf("60 hosts with the same routes, and another, have %d lists, want 2", len(got))
	}
	// A certificate that is issued for it makes a host another one, and its routes
	// stay the same.
	kubetest.AddStored(t, &objs, "issued rule7.example.com 2026-06-01 2026-08-01\n")
	if got := lists(); len(got) != 2 || b.last.hosts.list.Get("rule7.example.com").Certificates == nil {
		t.Errorf("with a certificate for one of them they have %d lists, want 2", len(got))
	}
}
