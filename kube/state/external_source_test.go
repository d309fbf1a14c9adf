package state

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	networkingv1 "k8s.io/api/networking/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/manifests"
	"gatelodge.dev/kube/objects"
)

// stubResolver answers with what it is told, or else not at all.
type stubResolver struct {
	mu      sync.Mutex
	answers map[string]string // by name; an address, "fails", or "" for none in time
	asked   map[string]int
}

func (r *stubResolver) set(name, answer string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers[name] = answer
}

func (r *stubResolver) lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	r.mu.Lock()
	r.asked[name]++
	answer := r.answers[name]
	r.mu.Unlock()
	switch answer {
	case "":
		<-ctx.Done()
		return nil, ctx.Err()
	case "fails":
		return nil, errors.New("no such host")
	}
	return []netip.Addr{netip.MustParseAddr(answer)}, nil
}

// names returns how many names were asked for.
func (r *stubResolver) names() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.asked)
}

// externalManifest is an Ingress with a path to each name, and the Services.
func externalManifest(names ...string) string {
	ingress := "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web, namespace: shop}\nspec:\n  rules:\n  - http:\n      paths:\n"
	var services strings.Builder
	for i, name := range names {
		ingress += fmt.Sprintf("      - {path: /%d, pathType: Prefix, backend: {service: {name: s%d, port: {number: 80}}}}\n", i, i)
		services.WriteString(externalService(fmt.Sprintf("s%d", i), name))
	}
	return ingress + services.String()
}

func externalService(service, name string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: shop}\nspec: {type: ExternalName, externalName: %s}\n", service, name)
}

func objectsOf(manifest string) objects.Objects {
	set := manifests.NewObjectSet()
	set.AddManifest(manifests.ReadManifest("m.yaml", []byte(manifest), nil))
	return set.Objects
}

// runExternalNames runs a source for a while of made-up time.
func runExternalNames(t *testing.T, cfg func() *objects.Config, during func(s *stubSource, r *stubResolver, e *ExternalNames, dirty *atomic.Int32)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		source := &stubSource{complete: make(chan objects.Objects)}
		resolver := &stubResolver{answers: make(map[string]string), asked: make(map[string]int)}
		e := NewExternalNames(source, cfg, slog.New(slog.NewTextHandler(t.Output(), nil)))
		e.lookup = resolver.lookup
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		var dirty atomic.Int32
		go func() { ended <- e.Run(ctx, func() { dirty.Add(1) }) }()
		during(source, resolver, e, &dirty)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// known is the addresses that are handed out for a name, "unknown" where
// nothing is.
func (e *ExternalNames) known(name gatelodge.Name) string {
	found := e.Objects().Externals.Get(name)
	if found == nil {
		return "unknown"
	}
	return fmt.Sprint(found.Addresses)
}

func TestExternalNamesAreLookedUpAgain(t *testing.T) {
	cfg := &objects.Config{}
	runExternalNames(t, func() *objects.Config { return cfg }, func(s *stubSource, r *stubResolver, e *ExternalNames, dirty *atomic.Int32) {
		r.set("a.example.net.", "192.0.2.1")
		r.set("b.example.net.", "fails")
		s.complete <- objectsOf(externalManifest("a.example.net", "b.example.net") + externalService("unused", "unused.example.net"))
		synctest.Wait()
		wants := func(when, a, b string) {
			t.Helper()
			synctest.Wait()
			e.Objects() // as a rebuild does, and so tells what is wanted now
			synctest.Wait()
			if gotA, gotB := e.known("a.example.net"), e.known("b.example.net"); gotA != a || gotB != b {
				t.Errorf("%s: a is %s and b is %s, want %s and %s", when, gotA, gotB, a, b)
			}
		}
		wants("at the start", "[192.0.2.1]", "[]")
		if dirty.Load() == 0 {
			t.Error("every name has an answer, and nothing is served")
		}
		first := e.Objects().Externals
		before := dirty.Load()
		time.Sleep(lookupEvery + time.Second)
		if wants("unchanged", "[192.0.2.1]", "[]"); dirty.Load() != before || e.Objects().Externals != first {
			t.Error("nothing changed, and it is told")
		}
		r.set("a.example.net.", "192.0.2.2")
		time.Sleep(lookupEvery)
		if wants("moved", "[192.0.2.2]", "[]"); dirty.Load() != before+1 {
			t.Errorf("dirty %d times, want once", dirty.Load()-before)
		}
		r.set("a.example.net.", "fails")
		r.set("b.example.net.", "192.0.2.3")
		time.Sleep(lookupEvery)
		wants("after a failure", "[192.0.2.2]", "[192.0.2.3]")
		s.complete <- objectsOf(externalManifest("b.example.net"))
		wants("no longer used", "unknown", "[192.0.2.3]")
		if r.asked["unused.example.net."] != 0 {
			t.Error("a name was looked up that no Ingress has as a backend")
		}
	})
}

func TestStartWaitsAWhileForExternalNames(t *testing.T) {
	cfg := &objects.Config{}
	runExternalNames(t, func() *objects.Config { return cfg }, func(s *stubSource, r *stubResolver, e *ExternalNames, dirty *atomic.Int32) {
		r.set("a.example.net.", "192.0.2.1")
		s.complete <- objectsOf(externalManifest("a.example.net", "slow.example.net"))
		time.Sleep(lookupWait / 2)
		if synctest.Wait(); dirty.Load() != 0 {
			t.Error("the start did not wait for an answer")
		}
		time.Sleep(lookupWait)
		if synctest.Wait(); dirty.Load() != 1 || e.known("a.example.net") != "[192.0.2.1]" || e.known("slow.example.net") != "unknown" {
			t.Errorf("dirty %d times with a %s and slow %s", dirty.Load(), e.known("a.example.net"), e.known("slow.example.net"))
		}
		r.set("slow.example.net.", "192.0.2.2")
		time.Sleep(lookupEvery)
		if synctest.Wait(); e.known("slow.example.net") != "[192.0.2.2]" {
			t.Errorf("slow is %s", e.known("slow.example.net"))
		}
	})
}

func TestRefusedExternalNamesAreNotLookedUp(t *testing.T) {
	var cfg atomic.Pointer[objects.Config]
	cfg.Store(&objects.Config{RefuseExternalNames: true})
	runExternalNames(t, cfg.Load, func(s *stubSource, r *stubResolver, e *ExternalNames, dirty *atomic.Int32) {
		r.set("a.example.net.", "192.0.2.1")
		s.complete <- objectsOf(externalManifest("a.example.net"))
		if synctest.Wait(); dirty.Load() != 1 || len(r.asked) != 0 {
			t.Errorf("dirty %d times, asked %v", dirty.Load(), r.asked)
		}
		cfg.Store(&objects.Config{})
		e.Objects() // as a rebuild does after a change of the configuration
		if synctest.Wait(); e.known("a.example.net") != "[192.0.2.1]" {
			t.Errorf("once allowed, a is %s", e.known("a.example.net"))
		}
	})
}

func TestExternalNamesAreBounded(t *testing.T) {
	var names []string
	for i := range maxExternalNames + 5 {
		names = append(names, fmt.Sprintf("n%d.example.net", i))
	}
	objs := objectsOf(externalManifest(names...))
	wanted := (&wantedNames{}).after(&objs, &objects.Config{})
	if len(wanted.names) != maxExternalNames || len(wanted.problems) != 1 || wanted.problems[0].Object.Name != "shop" {
		t.Errorf("%d names are looked up, problems %v", len(wanted.names), wanted.problems)
	}
}

// TestWantedNamesFollow: what is wanted after many changes is what is wanted of the
// outcome.
func TestWantedNamesFollow(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	cfg := &objects.Config{}
	var objs objects.Objects
	w := &wantedNames{}
	for step := range 500 {
		switch name := fmt.Sprint("s", random.IntN(5)); random.IntN(8) {
		case 0:
			objs.Services = objs.Services.Without(objects.Key{Namespace: "shop", Name: name})
		case 1:
			objs.Ingresses = objects.Table[*networkingv1.Ingress]{}
		case 2:
			cfg = &objects.Config{DefaultBackend: &objects.ServicePort{Namespace: "shop", Name: name}, RefuseExternalNames: random.IntN(4) == 0}
		case 3, 4:
			made := objectsOf(externalService(name, fmt.Sprintf("n%d.example.net", random.IntN(3))))
			service := made.Services.Get(objects.Key{Namespace: "shop", Name: name})
			objs.Services = objs.Services.With(objects.KeyOf(service), service)
		default:
			made := objectsOf(externalManifest(make([]string, random.IntN(5))...))
			in := made.Ingresses.Get(objects.Key{Namespace: "shop", Name: "web"})
			in.Name = fmt.Sprint("web", random.IntN(3))
			objs.Ingresses = objs.Ingresses.With(objects.KeyOf(in), in)
		}
		w = w.after(&objs, cfg)
		if want := (&wantedNames{}).after(&objs, cfg); !maps.Equal(w.names, want.names) {
			t.Fatalf("step %d: wants %v, from nothing %v", step, w.names, want.names)
		}
	}
}

// TestSlowNamesAreBounded: no more lookups go on at once than are allowed, and every
// name is asked for all the same.
func TestSlowNamesAreBounded(t *testing.T) {
	cfg := &objects.Config{}
	var names []string
	for i := range maxExternalNames {
		names = append(names, fmt.Sprintf("n%d.example.net", i))
	}
	runExternalNames(t, func() *objects.Config { return cfg }, func(s *stubSource, r *stubResolver, e *ExternalNames, dirty *atomic.Int32) {
		s.complete <- objectsOf(externalManifest(names...))
		synctest.Wait()
		if n := r.names(); n != maxLookups {
			t.Errorf("%d names are looked up at once, want %d", n, maxLookups)
		}
		time.Sleep(lookupTime)
		synctest.Wait()
		if n := r.names(); n != len(names) {
			t.Errorf("%d names were looked up, want %d", n, len(names))
		}
	})
}

// TestAuthURLsAreLookedUp: the names in auth-url are looked up, those of objects unless
// external names are refused, and those of the operator in any case.
func TestAuthURLsAreLookedUp(t *testing.T) {
	ingress := func(name, url string) string {
		return fmt.Sprintf("apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: %s, namespace: shop, annotations: {nginx.ingress.kubernetes.io/auth-url: %q}}\nspec: {}\n---\n", name, url)
	}
	manifest := ingress("external", "https://auth.example.net/verify") + ingress("address", "http://192.0.2.9/") + ingress("own", "https://$host/verify") +
		ingress("service", "http://auth.shop.svc.cluster.local/") + ingress("alias", "http://alias.shop.svc.cluster.local/") +
		externalService("alias", "alias.example.net") + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: class, namespace: gateway}\ndata: {global-auth-url: https://class.example.net/, auth-url: https://default.example.net/}\n"
	for _, refuse := range []bool{false, true} {
		objs := objectsOf(manifest)
		cfg := &objects.Config{RefuseExternalNames: refuse, Defaults: map[string]string{"global-auth-url": "https://config.example.net/"}}
		w := (&wantedNames{}).after(&objs, cfg)
		want := map[gatelodge.Name]bool{"class.example.net": true, "default.example.net": true, "config.example.net": true}
		if !refuse {
			want["auth.example.net"], want["alias.example.net"] = true, true
		}
		if !maps.Equal(w.names, want) {
			t.Errorf("refuse %v: got %v, want %v", refuse, w.names, want)
		}
		if w.after(&objs, cfg) != w {
			t.Error("the same objects want something else")
		}
		objs.Ingresses = objs.Ingresses.Without(objects.Key{Namespace: "shop", Name: "external"})
		objs.ConfigMaps = objs.ConfigMaps.Without(objects.Key{Namespace: "gateway", Name: "class"})
		delete(want, "auth.example.net")
		delete(want, "class.example.net")
		delete(want, "default.example.net")
		if w = w.after(&objs, cfg); !maps.Equal(w.names, want) {
			t.Errorf("refuse %v, after a change: got %v, want %v", refuse, w.names, want)
		}
	}
}

// TestAuthURLsOfANamespaceAreBounded: so are the names that its Ingresses have looked up.
func TestAuthURLsOfANamespaceAreBounded(t *testing.T) {
	var manifest strings.Builder
	for i := range maxExternalNames + 20 {
		fmt.Fprintf(&manifest, "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i%03d, namespace: shop, annotations: {gatelodge.dev/auth-url: \"http://a%d.example.net/\"}}\nspec: {}\n", i, i)
	}
	objs := objectsOf(manifest.String())
	w := (&wantedNames{}).after(&objs, &objects.Config{})
	if len(w.names) != maxExternalNames || len(w.problems) != 1 {
		t.Errorf("%d names, problems %v", len(w.names), w.problems)
	}
}
