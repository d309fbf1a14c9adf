package guard

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/externaldns"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

// guarded is a namespace with hosts of one Ingress each, host0.example.com and
// so on, behind one Service with a wildcard certificate, and the Guard that
// watches over it.
type guarded struct {
	t        *testing.T
	guard    *Guard
	cfg      *objects.Config
	objects  objects.Objects
	snapshot *gatelodge.Snapshot
	again    time.Time
	made     int
}

var guardDefaults = objects.GuardConfig{Share: 0.5, Minimum: 10, Window: time.Minute, Hold: 10 * time.Minute}

func newGuarded(t *testing.T, hosts int) *guarded {
	t.Helper()
	g := &guarded{t: t, guard: &Guard{Log: slog.New(slog.NewTextHandler(t.Output(), nil))}}
	g.objects.Now = kubetest.Now
	g.cfg = &objects.Config{
		WithoutClass: true, Guard: guardDefaults,
		Views: []objects.ViewConfig{{Name: "default", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}},
		Zones: []objects.ZoneConfig{{Name: "example.com", Nameservers: []gatelodge.Name{"ns.example.net"}, Hostmaster: "hostmaster.example.com", TTL: time.Minute, Views: []string{"default"}}},
	}
	g.objects.Services = objects.TableOf(&corev1.Service{ObjectMeta: g.meta("web"), Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}})
	g.objects.Slices = objects.TableOf(kubetest.BigSlice(g.meta("web-1"), "web", 1))
	g.objects.Secrets = objects.TableOf(kubetest.TLSSecret(t, "shop/wildcard", []string{"*.example.com"}, kubetest.Now.Add(-time.Hour), kubetest.Now.Add(24*time.Hour)))
	g.objects.ConfigMaps = objects.TableOf(&corev1.ConfigMap{ObjectMeta: g.meta("fields"), Data: map[string]string{"X-Frame-Options": "DENY"}})
	g.objects.Namespaces = objects.TableOf(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", UID: "shop", ResourceVersion: "1"}})
	for i := range hosts {
		g.objects.Ingresses = objects.WithObjects(g.objects.Ingresses, g.ingress(fmt.Sprint("web", i), hostNumber(i)))
	}
	g.build()
	return g
}

func hostNumber(i int) string { return fmt.Sprintf("host%d.example.com", i) }

// meta makes an object of namespace shop that is younger than all others.
func (g *guarded) meta(name string) metav1.ObjectMeta {
	g.made++
	return metav1.ObjectMeta{
		Namespace: "shop", Name: name, UID: types.UID(fmt.Sprint("uid", g.made)), ResourceVersion: fmt.Sprint(g.made),
		CreationTimestamp: metav1.NewTime(kubetest.Now.Add(time.Duration(g.made) * time.Second)),
	}
}

func (g *guarded) ingress(name string, hosts ...string) *networkingv1.Ingress {
	in := &networkingv1.Ingress{ObjectMeta: g.meta(name)}
	in.Spec.TLS = []networkingv1.IngressTLS{{SecretName: "wildcard"}}
	in.Annotations = map[string]string{"gatelodge.dev/custom-headers": "fields"}
	for _, host := range hosts {
		in.Spec.Rules = append(in.Spec.Rules, rule(host, "/"))
	}
	return in
}

func rule(host, path string) networkingv1.IngressRule {
	rule := networkingv1.IngressRule{Host: host}
	rule.HTTP = &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{
		Path: path, PathType: new(networkingv1.PathTypePrefix),
		Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "web", Port: networkingv1.ServiceBackendPort{Number: 80}}},
	}}}
	return rule
}

// byAge lists Ingresses, the oldest first.
func byAge(table objects.Table[*networkingv1.Ingress]) []*networkingv1.Ingress {
	var list []*networkingv1.Ingress
	for _, in := range table.All() {
		list = append(list, in)
	}
	slices.SortFunc(list, func(a, b *networkingv1.Ingress) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	return list
}

// edit changes an Ingress, of which i are older, into a new version of it.
func (g *guarded) edit(i int, change func(*networkingv1.Ingress)) {
	g.made++
	edited := byAge(g.objects.Ingresses)[i].DeepCopy()
	edited.ResourceVersion = fmt.Sprint(g.made)
	change(edited)
	g.objects.Ingresses = objects.WithObjects(g.objects.Ingresses, edited)
}

// build builds what the objects are now, 10 ms after the build before.
func (g *guarded) build() {
	g.objects.Now = g.objects.Now.Add(10 * time.Millisecond)
	g.snapshot, g.again = g.guard.Build(g.objects, g.cfg)
}

// deleteFirst deletes the oldest Ingress.
func (g *guarded) deleteFirst() {
	g.objects.Ingresses = g.objects.Ingresses.Without(objects.KeyOf(byAge(g.objects.Ingresses)[0]))
	g.build()
}

// deleteAll deletes every Ingress, one after the other.
func (g *guarded) deleteAll() {
	for g.objects.Ingresses.Len() > 0 {
		g.deleteFirst()
	}
}

// serves wants the hosts with route, endpoint, certificate and record, and no
// others.
func (g *guarded) serves(when string, hosts ...string) {
	g.t.Helper()
	var got []string
	for _, host := range g.snapshot.Hosts.All() {
		got = append(got, string(host.Name))
		whole := len(host.Routes) > 0 && len(host.Certificates) > 0
		for _, route := range host.Routes {
			whole = whole && route.Policy.Unavailable == "" && len(g.snapshot.Backends.Get(route.Backend).Endpoints) > 0
		}
		for _, zone := range g.snapshot.View("default").Zones {
			node := zone.Nodes.Get(host.Name)
			whole = whole && node != nil && slices.ContainsFunc(node.Records, func(r gatelodge.Record) bool { return r.Type == "A" })
		}
		if !whole {
			g.t.Errorf("%s: %s is not served whole:\n%s", when, host.Name, g.snapshot)
			return
		}
	}
	slices.Sort(got)
	slices.Sort(hosts)
	if !slices.Equal(got, hosts) {
		g.t.Errorf("%s: serves %v, want %v", when, got, hosts)
	}
}

// holds wants the Guard to withhold so many hosts, and to say so.
func (g *guarded) holds(when string, hosts int) {
	g.t.Helper()
	status := g.guard.Status()
	problems := kubetest.Problems(g.snapshot)
	told := slices.IndexFunc(problems, func(p gatelodge.Problem) bool { return p.Reason == gatelodge.WithdrawalHeld })
	if status.Holding != (hosts > 0) || len(status.Hosts) != hosts || (told >= 0) != (hosts > 0) {
		g.t.Errorf("%s: the guard holds %d hosts, want %d; it says %q; problems %v", when, len(status.Hosts), hosts, status.String(), problems)
	}
	if hosts > 0 && (g.again.IsZero() || g.again.After(status.Until)) {
		g.t.Errorf("%s: builds again at %v, want %v", when, g.again, status.Until)
	}
}

func numbers(from, to int) (hosts []string) {
	for i := from; i < to; i++ {
		hosts = append(hosts, hostNumber(i))
	}
	return hosts
}

// TestSingleDeletionsAreCounted: each is no more than one, until there are too
// many.
func TestSingleDeletionsAreCounted(t *testing.T) {
	g := newGuarded(t, 100)
	g.serves("at first", numbers(0, 100)...)
	for i := range 50 {
		g.deleteFirst()
		g.serves("after few deletions", numbers(i+1, 100)...)
		g.holds("after few deletions", 0)
	}
	for i := range 50 {
		g.deleteFirst()
		g.serves("after many deletions", numbers(0, 100)...)
		g.holds("after many deletions", 51+i)
	}
	status := g.guard.Status()
	text := status.String()
	if !strings.Contains(text, hostNumber(99)) || !strings.Contains(text, status.Hash) || !strings.Contains(text, "100 hosts") {
		t.Errorf("it says %s", text)
	}
}

func TestWhatIsTooMuch(t *testing.T) {
	for _, test := range []struct {
		name         string
		hosts, gone  int
		every        time.Duration
		share        float64
		minimum      int
		wantWithheld bool
	}{
		{"the only Ingress goes at once", 1, 1, 0, 0.5, 10, false},
		{"as many as the minimum go at once", 10, 10, 0, 0.5, 10, false},
		{"one more than the minimum is held", 11, 11, 0, 0.5, 10, true},
		{"half of all go at once", 100, 50, 0, 0.5, 10, false},
		{"more than half is held", 100, 51, 0, 0.5, 10, true},
		{"the minimum stands above the share", 12, 10, 0, 0.5, 10, false},
		{"slowly everything may go", 40, 40, 6 * time.Second, 0.5, 10, false},
		{"not so slowly is too fast", 40, 40, 2 * time.Second, 0.5, 10, true},
		{"another share", 100, 11, 0, 0.1, 10, true},
		{"a share of one is no guard", 100, 100, 0, 1, 0, false},
		{"another minimum", 3, 2, 0, 0.5, 1, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := newGuarded(t, test.hosts)
			cfg := *g.cfg
			cfg.Guard.Share, cfg.Guard.Minimum = test.share, test.minimum
			g.cfg = &cfg
			for range test.gone {
				g.objects.Now = g.objects.Now.Add(test.every)
				g.deleteFirst()
			}
			if status := g.guard.Status(); status.Holding != test.wantWithheld {
				t.Errorf("%d of %d: the guard says %q", test.gone, test.hosts, status.String())
			}
		})
	}
}

// TestYoungHostsCount: who makes a hundred hosts and loses them in the same
// minute loses a hundred.
func TestYoungHostsCount(t *testing.T) {
	all := byAge(newGuarded(t, 100).objects.Ingresses)
	g := newGuarded(t, 1)
	for i := range all {
		g.objects.Ingresses = objects.TableOf(all[:i+1]...)
		g.build()
	}
	g.deleteAll()
	g.serves("after all went", numbers(0, 100)...)
	g.holds("after all went", 100)
}

// TestRenamingEverythingCounts: the old names stay beside the new ones.
func TestRenamingEverythingCounts(t *testing.T) {
	g := newGuarded(t, 20)
	for i := range 20 {
		g.edit(i, func(in *networkingv1.Ingress) { in.Spec.Rules[0].Host = hostNumber(100 + i) })
	}
	g.build()
	g.serves("after all were renamed", append(numbers(0, 20), numbers(100, 120)...)...)
	g.holds("after all were renamed", 20)
}

// TestShortLivedHostsDoNotAddUp: and one that comes back is not gone.
func TestShortLivedHostsDoNotAddUp(t *testing.T) {
	g := newGuarded(t, 5)
	lasting := g.objects.Ingresses
	for i := range 40 {
		g.objects.Ingresses = objects.WithObjects(lasting, g.ingress("preview", fmt.Sprintf("preview%d.example.com", i)))
		g.build()
		g.objects.Ingresses = lasting
		g.build()
	}
	g.holds("after many previews", 0)
	g = newGuarded(t, 20)
	for i := range 20 {
		g.deleteFirst()
		g.objects.Ingresses = objects.WithObjects(g.objects.Ingresses, g.ingress(fmt.Sprint("new", i), hostNumber(i)))
		g.build()
	}
	g.serves("after all were replaced one by one", numbers(0, 20)...)
	g.holds("after all were replaced one by one", 0)
}

// TestAllAtOnce: also where a single build lacks everything.
func TestAllAtOnce(t *testing.T) {
	g := newGuarded(t, 100)
	before := g.snapshot
	g.objects.Ingresses = objects.Table[*networkingv1.Ingress]{}
	g.build()
	g.serves("after all went", numbers(0, 100)...)
	g.holds("after all went", 100)
	for name := range g.snapshot.Hosts.Changes(before.Hosts) {
		t.Fatalf("host %s was made anew, so all servers compile it anew", name)
	}
}

// TestWhatIsNeededComesAlong: a namespace is deleted in any order.
func TestWhatIsNeededComesAlong(t *testing.T) {
	for _, order := range []string{"issu", "ssui", "usis", "isus"} {
		g := newGuarded(t, 20)
		services := 0
		for _, kind := range order {
			switch {
			case kind == 'i':
				g.deleteAll()
			case kind == 'u':
				g.objects.Slices = objects.Table[*discoveryv1.EndpointSlice]{}
			case services == 0:
				g.objects.Services = objects.Table[*corev1.Service]{}
				services++
			default:
				g.objects.Secrets, g.objects.Namespaces = objects.Table[*corev1.Secret]{}, objects.Table[*corev1.Namespace]{}
			}
			g.build()
		}
		g.serves("after order "+order, numbers(0, 20)...)
		g.holds("after order "+order, 20)
	}
}

// TestLimitsOfAGoneNamespaceHold: what it might not claim it does not get with
// its end.
func TestLimitsOfAGoneNamespaceHold(t *testing.T) {
	g := newGuarded(t, 0)
	limited := *g.objects.Namespaces.Get(objects.Key{Name: "shop"})
	limited.ResourceVersion, limited.Annotations = "2", map[string]string{annotations.DomainsAnnotation: "example.com"}
	g.objects.Namespaces = objects.TableOf(&limited)
	for i := range 20 {
		g.objects.Ingresses = objects.WithObjects(g.objects.Ingresses, g.ingress(fmt.Sprint("web", i), hostNumber(i), "bank.example.org"))
	}
	g.build()
	g.objects.Now = g.objects.Now.Add(time.Hour)
	g.objects.Namespaces, g.objects.Ingresses = objects.Table[*corev1.Namespace]{}, objects.Table[*networkingv1.Ingress]{}
	g.build()
	g.serves("after the namespace went", numbers(0, 20)...)
}

// TestShortNamesAreWithheldWithTheirHosts: they are hosts like all others, so they
// count, and return with those that they are short for.
func TestShortNamesAreWithheldWithTheirHosts(t *testing.T) {
	g := newGuarded(t, 0)
	g.cfg.Zones[0].Levels = []string{"domain", "project"}
	g.objects.Secrets = objects.TableOf(kubetest.TLSSecret(t, "shop/wildcard", []string{"*.web.sales.example.com", "*.web.example.com"}, kubetest.Now.Add(-time.Hour), kubetest.Now.Add(24*time.Hour)))
	named := *g.objects.Namespaces.Get(objects.Key{Name: "shop"})
	named.ResourceVersion, named.Annotations = "2", map[string]string{"gatelodge.dev/short-names": "true"}
	g.objects.Namespaces = objects.TableOf(&named)
	var all []string
	for i := range 7 { // too few for the guard without their short names
		all = append(all, fmt.Sprintf("app%d.web.sales.example.com", i), fmt.Sprintf("app%d.web.example.com", i))
		g.objects.Ingresses = objects.WithObjects(g.objects.Ingresses, g.ingress(fmt.Sprint("web", i), all[2*i]))
	}
	g.build()
	g.serves("at first", all...)
	g.objects.Now = g.objects.Now.Add(time.Hour)
	g.deleteAll()
	g.objects.Namespaces = objects.Table[*corev1.Namespace]{}
	g.build()
	g.serves("after all went", all...)
	g.holds("after all went", len(all))
}

// TestFreshListThatLacksEverything trips at any number, and a deletion never
// does.
func TestFreshListThatLacksEverything(t *testing.T) {
	for name, empty := range map[string]func(*objects.Objects){
		"Ingresses":      func(o *objects.Objects) { o.Ingresses = objects.Table[*networkingv1.Ingress]{} },
		"Services":       func(o *objects.Objects) { o.Services = objects.Table[*corev1.Service]{} },
		"EndpointSlices": func(o *objects.Objects) { o.Slices = objects.Table[*discoveryv1.EndpointSlice]{} },
		"Secrets":        func(o *objects.Objects) { o.Secrets = objects.Table[*corev1.Secret]{} },
		"ConfigMaps":     func(o *objects.Objects) { o.ConfigMaps = objects.Table[*corev1.ConfigMap]{} },
		"everything": func(o *objects.Objects) {
			*o = objects.Objects{Now: o.Now}
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuarded(t, 2)
			before := g.objects
			empty(&g.objects)
			g.objects.Relists = objects.RelistOf(&before, &g.objects)
			g.build()
			g.serves("after an empty list", numbers(0, 2)...)
			status := g.guard.Status()
			if !status.Holding {
				t.Error("the guard does not hold")
			}
			if _, err := g.guard.Confirm(status.Hash); err != nil {
				t.Error(err)
			}
			g.build()
			if status := g.guard.Status(); status.Holding {
				t.Errorf("confirmed, and the guard says %q", status.String())
			}

			g = newGuarded(t, 2)
			empty(&g.objects)
			g.build()
			g.holds("after deletions", 0)
		})
	}
}

// TestFreshListOfTheClasses: without its class no Ingress is anybody's.
func TestFreshListOfTheClasses(t *testing.T) {
	g := newGuarded(t, 0)
	cfg := *g.cfg
	cfg.WithoutClass, cfg.Controller = false, "c"
	g.cfg = &cfg
	in := g.ingress("web0", hostNumber(0))
	in.Spec.IngressClassName = new("ours")
	class := &networkingv1.IngressClass{ObjectMeta: g.meta("ours"), Spec: networkingv1.IngressClassSpec{Controller: "c"}}
	g.objects.Ingresses, g.objects.Classes = objects.TableOf(in), objects.TableOf(class)
	g.build()
	g.serves("at first", hostNumber(0))
	before := g.objects
	g.objects.Classes = objects.Table[*networkingv1.IngressClass]{}
	g.objects.Relists = objects.RelistOf(&before, &g.objects)
	g.build()
	g.serves("after an empty list", hostNumber(0))
	g.objects.Classes, g.objects.Relists = before.Classes, nil
	g.build()
	g.serves("when the class is back", hostNumber(0))
	g.holds("when the class is back", 0)
}

// TestNewEndpointsReplaceKeptOnes: no traffic goes to where pods were once.
func TestNewEndpointsReplaceKeptOnes(t *testing.T) {
	g := newGuarded(t, 2)
	before := g.objects
	g.objects.Slices = objects.Table[*discoveryv1.EndpointSlice]{}
	g.objects.Relists = objects.RelistOf(&before, &g.objects)
	g.build()
	g.objects.Slices = objects.TableOf(kubetest.BigSlice(g.meta("web-2"), "web", 3))
	g.build()
	if n := len(g.snapshot.Backends.Get("shop/web:80").Endpoints); n != 3 {
		t.Errorf("%d endpoints, want the 3 new ones", n)
	}
	g.holds("when slices are back", 0)
}

// TestItGoesAhead when it was held for long enough or is confirmed, and by
// nothing else.
func TestItGoesAhead(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(g *guarded, hash string) error
		want int // hosts that are withheld then
	}{
		"not before its time": {func(g *guarded, _ string) error { g.objects.Now = g.objects.Now.Add(9 * time.Minute); return nil }, 20},
		"after its time":      {func(g *guarded, _ string) error { g.objects.Now = g.objects.Now.Add(10 * time.Minute); return nil }, 0},
		"confirmed here":      {func(g *guarded, _ string) error { _, err := g.guard.Confirm(""); return err }, 0},
		"confirmed by hash":   {func(g *guarded, hash string) error { _, err := g.guard.Confirm(hash); return err }, 0},
		"another hash": {func(g *guarded, hash string) error {
			if _, err := g.guard.Confirm("0" + hash); !errors.Is(err, ErrOtherHash) {
				return fmt.Errorf("got %v", err)
			}
			return nil
		}, 20},
		"annotated": {func(g *guarded, hash string) error {
			g.objects.Guard = &objects.GuardRecord{Confirmed: hash}
			return nil
		}, 0},
		"another annotation": {func(g *guarded, hash string) error {
			g.objects.Guard = &objects.GuardRecord{Confirmed: "0" + hash}
			return nil
		}, 20},
		"no annotation": {func(g *guarded, hash string) error {
			g.objects.Guard = &objects.GuardRecord{Withheld: hash}
			return nil
		}, 20},
		"the leader's list": {func(g *guarded, hash string) error {
			g.objects.Guard = &objects.GuardRecord{Withheld: "its", Confirmed: "its"}
			return nil
		}, 0},
		"a list of another time": {func(g *guarded, hash string) error {
			g.objects.Guard = &objects.GuardRecord{Withheld: "old", Confirmed: "old"}
			return nil
		}, 20},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuarded(t, 20)
			g.objects.Guard = &objects.GuardRecord{Withheld: "old", Confirmed: "old"}
			if _, err := g.guard.Confirm(""); !errors.Is(err, ErrNothingHeld) {
				t.Errorf("confirming nothing: %v", err)
			}
			g.deleteAll()
			g.holds("at first", 20)
			if err := test.do(g, g.guard.Status().Hash); err != nil {
				t.Fatal(err)
			}
			g.build()
			g.holds("then", test.want)
			g.serves("then", numbers(0, test.want)...)
		})
	}
}

// TestEachListHasItsHash: also the same hosts, made and deleted again.
func TestEachListHasItsHash(t *testing.T) {
	g := newGuarded(t, 20)
	g.deleteAll()
	first := g.guard.Status().Hash
	_, err := g.guard.Confirm("")
	kubetest.Must(t, err)
	g.build()
	for i := range 20 {
		g.objects.Ingresses = objects.WithObjects(g.objects.Ingresses, g.ingress(fmt.Sprint("web", i), hostNumber(i)))
	}
	g.build()
	g.objects.Guard = &objects.GuardRecord{Confirmed: first}
	g.objects.Now = g.objects.Now.Add(time.Hour)
	g.build()
	g.deleteAll()
	g.holds("the second time", 20)
	if second := g.guard.Status().Hash; first == second {
		t.Errorf("both have the hash %s", first)
	}
}

// TestEverythingElseGoesOn while a withdrawal is held.
func TestEverythingElseGoesOn(t *testing.T) {
	g := newGuarded(t, 20)
	last := byAge(g.objects.Ingresses)[19]
	g.objects.Ingresses = objects.Table[*networkingv1.Ingress]{}
	g.build()
	g.holds("at first", 20)

	g.objects.Ingresses = objects.TableOf(last, g.ingress("new", "new.example.com"))
	g.build()
	g.serves("an addition", append(numbers(0, 20), "new.example.com")...)
	g.holds("an Ingress that is back", 19)

	g.edit(1, func(in *networkingv1.Ingress) { in.Spec.Rules[0].HTTP.Paths[0].Path = "/api" })
	g.build()
	if path := g.snapshot.Hosts.Get("new.example.com").Routes[0].Path; path != "/api" {
		t.Errorf("an edit is not served: path %s", path)
	}
	again := g.ingress("web0", hostNumber(0))
	again.Spec.Rules[0].HTTP.Paths[0].Path = "/anew"
	g.objects.Ingresses = objects.WithObjects(g.objects.Ingresses, again)
	g.build()
	if routes := g.snapshot.Hosts.Get("host0.example.com").Routes; len(routes) != 1 || routes[0].Path != "/anew" {
		t.Errorf("an Ingress that was created anew: routes %v", routes)
	}
	g.holds("an Ingress that was created anew", 18)

	other := g.ingress("web1", hostNumber(1))
	other.Namespace = "other"
	other.Spec.TLS = nil
	g.objects.Ingresses = objects.WithObjects(g.objects.Ingresses, other)
	g.build()
	if host := g.snapshot.Hosts.Get("host1.example.com"); host.Owner != "shop" {
		t.Errorf("claimed by another namespace while it is withheld, its owner is %s", host.Owner)
	}
	g.holds("a host that another claims", 18)

	g.objects.Ingresses = g.objects.Ingresses.Without(objects.Key{Namespace: "shop", Name: "new"})
	g.build()
	g.holds("another deletion", 19)
}

// TestOldClaimIsNoNewOne: who asked all the time and lost does not win by the
// accident of another.
func TestOldClaimIsNoNewOne(t *testing.T) {
	g := newGuarded(t, 20)
	rival := g.ingress("rival", numbers(0, 20)...)
	rival.Namespace = "rival"
	g.objects.Ingresses = objects.WithObjects(g.objects.Ingresses, rival)
	other := g.ingress("other", numbers(20, 50)...)
	g.objects.Ingresses = objects.WithObjects(g.objects.Ingresses, other)
	g.build()
	g.objects.Now = g.objects.Now.Add(time.Hour)
	g.objects.Ingresses = objects.TableOf(rival)
	g.build()
	g.holds("all but the rival went", 50)
	if host := g.snapshot.Hosts.Get("host0.example.com"); host.Owner != "shop" {
		t.Errorf("host0 is %s's", host.Owner)
	}
}

// TestClaimThatIsRefused: a name that nobody is granted stays with what is
// withheld.
func TestClaimThatIsRefused(t *testing.T) {
	g := newGuarded(t, 20)
	limited := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "limited", UID: "limited", ResourceVersion: "1", Annotations: map[string]string{annotations.DomainsAnnotation: "example.org"}}}
	g.objects.Namespaces = objects.WithObjects(g.objects.Namespaces, limited)
	g.deleteAll()
	thief := g.ingress("thief", numbers(0, 20)...)
	thief.Namespace = "limited"
	g.objects.Ingresses = objects.TableOf(thief)
	g.build()
	g.serves("claimed by who may not", numbers(0, 20)...)
	g.holds("claimed by who may not", 20)
}

// TestEditsCount: hosts that are edited out of an Ingress are withdrawn, too.
func TestEditsCount(t *testing.T) {
	g := newGuarded(t, 0)
	g.objects.Ingresses = objects.TableOf(g.ingress("all", numbers(0, 30)...))
	g.build()
	g.objects.Now = g.objects.Now.Add(time.Hour)
	g.edit(0, func(in *networkingv1.Ingress) {
		in.Spec.Rules = append(in.Spec.Rules[:1:1], rule("more.example.com", "/"))
	})
	g.build()
	g.serves("after the edit", append(numbers(0, 30), "more.example.com")...)
	g.holds("after the edit", 29)
	g.edit(0, func(in *networkingv1.Ingress) { in.Spec.Rules = append(in.Spec.Rules, rule(hostNumber(5), "/")) })
	g.build()
	g.holds("after one was written again", 28)
}

// TestAliasesAreWithheldOnTheirOwn: one name of an Ingress may be somebody
// else's by now, and the others are served.
func TestAliasesAreWithheldOnTheirOwn(t *testing.T) {
	g := newGuarded(t, 20)
	g.edit(0, func(in *networkingv1.Ingress) {
		in.Annotations = map[string]string{annotations.OwnPrefix + "server-alias": "alias.example.com"}
	})
	g.build()
	g.deleteAll()
	g.serves("at first", append(numbers(0, 20), "alias.example.com")...)
	g.objects.Ingresses = objects.TableOf(g.ingress("new", hostNumber(0)))
	g.build()
	g.serves("then", append(numbers(0, 20), "alias.example.com")...)
	g.holds("then", 20)
}

// TestSharedHostReturnsWhole: with the paths of all its Ingresses.
func TestSharedHostReturnsWhole(t *testing.T) {
	g := newGuarded(t, 20)
	for i := range 20 {
		in := g.ingress(fmt.Sprint("api", i), hostNumber(i))
		in.Spec.Rules[0].HTTP.Paths[0].Path = "/api"
		g.objects.Ingresses = objects.WithObjects(g.objects.Ingresses, in)
	}
	g.build()
	g.deleteAll()
	g.serves("after all went", numbers(0, 20)...)
	for _, host := range g.snapshot.Hosts.All() {
		if len(host.Routes) != 2 {
			t.Errorf("%s has %d routes, want 2", host.Name, len(host.Routes))
		}
	}
}

// TestServicesAndTheirNames: hosts that Services have published count, and
// return, like those of Ingresses.
func TestServicesAndTheirNames(t *testing.T) {
	g := newGuarded(t, 0)
	for i := range 20 {
		service := &corev1.Service{ObjectMeta: g.meta(fmt.Sprint("s", i)), Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}}
		service.Annotations = map[string]string{externaldns.Prefix + "hostname": hostNumber(i), externaldns.Prefix + "target": "192.0.2.77"}
		g.objects.Services = objects.WithObjects(g.objects.Services, service)
	}
	g.build()
	records := func() int { return strings.Count(g.snapshot.String(), "IN A 192.0.2.77") }
	if n := records(); n != 20 {
		t.Fatalf("%d records at first:\n%s", n, g.snapshot)
	}
	g.objects.Now = g.objects.Now.Add(time.Hour)
	g.objects.Services = objects.TableOf(g.objects.Services.Get(objects.Key{Namespace: "shop", Name: "web"}))
	g.build()
	if n := records(); n != 20 {
		t.Errorf("%d records after the Services went", n)
	}
	g.holds("after the Services went", 20)
}

// TestConfigurationWithdrawsNothing: who changes it means it.
func TestConfigurationWithdrawsNothing(t *testing.T) {
	g := newGuarded(t, 20)
	other := *g.cfg
	other.Namespaces = []string{"elsewhere"}
	g.cfg = &other
	g.build()
	g.serves("other namespaces")
	g.holds("other namespaces", 0)

	g = newGuarded(t, 20)
	stays := g.ingress("stays", "stays.example.com")
	stays.Namespace = "elsewhere"
	g.objects.Ingresses = objects.WithObjects(g.objects.Ingresses, stays)
	g.build()
	g.deleteAll()
	g.holds("before the change", 21)
	again := *g.cfg
	again.Problems = []gatelodge.Problem{{Object: objects.ConfigObject("x"), Reason: gatelodge.BadConfig}}
	g.cfg = &again
	g.build()
	g.holds("a change of something else", 21)
	g.cfg = &other
	g.build()
	g.holds("other namespaces while it holds", 1)
}

// TestLimitWithdrawsNothing: an administrator's word about the names of a
// namespace holds at once.
func TestLimitWithdrawsNothing(t *testing.T) {
	g := newGuarded(t, 20)
	g.deleteFirst()
	limited := *g.objects.Namespaces.Get(objects.Key{Name: "shop"})
	limited.ResourceVersion, limited.Annotations = "2", map[string]string{annotations.DomainsAnnotation: hostNumber(7)}
	g.objects.Namespaces = objects.TableOf(&limited)
	g.build()
	g.serves("after the limit", hostNumber(7))
	g.holds("after the limit", 0)
}

// TestNoGuard: with a hold of nothing, nothing is held.
func TestNoGuard(t *testing.T) {
	g := newGuarded(t, 20)
	cfg := *g.cfg
	cfg.Guard.Hold = 0
	g.cfg = &cfg
	g.deleteAll()
	g.serves("after all went")
	g.holds("after all went", 0)
}

// TestWhatComesBackEndsTheHold: an operator that listed nothing once, and
// everything the next time.
func TestWhatComesBackEndsTheHold(t *testing.T) {
	g := newGuarded(t, 20)
	all := g.objects
	g.objects = objects.Objects{Now: all.Now}
	g.objects.Relists = objects.RelistOf(&all, &g.objects)
	g.build()
	g.serves("while it holds", numbers(0, 20)...)
	g.holds("while it holds", 20)
	now := g.objects.Now
	g.objects = all
	g.objects.Now = now
	g.build()
	g.serves("after all is back", numbers(0, 20)...)
	g.holds("after all is back", 0)
	g.deleteFirst()
	g.serves("a single deletion then", numbers(1, 20)...)
}

// TestOneTeamHoldsNoOther: of a namespace that lost no more than its share,
// nothing is withheld, whatever others delete.
func TestOneTeamHoldsNoOther(t *testing.T) {
	g := newGuarded(t, 20)
	var others []string
	for i := range 10 {
		in := g.ingress(fmt.Sprint("other", i), fmt.Sprintf("other%d.example.com", i))
		in.Namespace, in.Spec.TLS = "other", nil
		g.objects.Ingresses = objects.WithObjects(g.objects.Ingresses, in)
		others = append(others, in.Spec.Rules[0].Host)
	}
	g.build()
	remove := func(namespace string, from, to int, name string) {
		for i := from; i < to; i++ {
			g.objects.Ingresses = g.objects.Ingresses.Without(objects.Key{Namespace: namespace, Name: fmt.Sprint(name, i)})
		}
		g.build()
	}
	owned := func(when string, want ...string) {
		t.Helper()
		var got []string
		for _, host := range g.snapshot.Hosts.All() {
			if host.Owner == "other" {
				got = append(got, string(host.Name))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: of the other namespace %v are served, want %v", when, got, want)
		}
	}
	g.objects.Now = g.objects.Now.Add(time.Hour)
	remove("other", 0, 2, "other")
	remove("shop", 0, 20, "web")
	g.holds("after all of one namespace went", 20)
	owned("what went before", others[2:]...)
	remove("other", 2, 5, "other")
	g.holds("after half of another went", 20)
	owned("as much as it may lose", others[5:]...)
	remove("other", 5, 6, "other")
	g.holds("after more than half of another went", 26)
	owned("more than it may lose", others...)
	g.objects.Now = g.objects.Now.Add(5 * time.Minute)
	g.build()
	g.holds("after the window", 26)
}
