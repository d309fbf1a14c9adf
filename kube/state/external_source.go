package state

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	networkingv1 "k8s.io/api/networking/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

const (
	lookupEvery = 30 * time.Second
	lookupTime  = 5 * time.Second // for one lookup
	// lookupWait bounds how long a start waits for the first answers, so that
	// hosts with an external backend don't begin with 503.
	lookupWait = 2 * time.Second
	// maxExternalNames bounds the names of a namespace that are looked up,
	// because whoever may write Services there decides on their number.
	maxExternalNames = 100
)

// ExternalNames is a Source that adds to another one's Objects what the names
// resolve to of those ExternalName Services that an Ingress names. Each name is
// looked up every 30 s, whatever the TTL of its records, on its own, so that
// one that takes long keeps no other waiting. A lookup that fails leaves the
// addresses of the one before.
type ExternalNames struct {
	source objects.Source
	config func() *objects.Config
	lookup func(ctx context.Context, name string) ([]netip.Addr, error)
	log    *slog.Logger
	wake   gatelodge.Signal // wanted changed, or the source is complete
	news   gatelodge.Signal // current changed

	mu      sync.Mutex
	read    *objects.Config // what wanted was made of …
	objects objects.Objects // … of which only Ingresses and Services are kept
	wanted  map[gatelodge.Name]bool
	tooMany []gatelodge.Problem // of namespaces with more names than are looked up
	current objects.Externals
}

// NewExternalNames returns source with the addresses of external names, asked
// of the machine's own resolver.
func NewExternalNames(source objects.Source, config func() *objects.Config, log *slog.Logger) *ExternalNames {
	return &ExternalNames{
		source: source, config: config, log: log,
		lookup: func(ctx context.Context, name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
		},
		wake: gatelodge.NewSignal(), news: gatelodge.NewSignal(),
	}
}

// Objects returns what the source knows, with the addresses known by now.
func (e *ExternalNames) Objects() objects.Objects {
	objs, cfg := e.source.Objects(), e.config()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.read != cfg || e.objects.Ingresses != objs.Ingresses || e.objects.Services != objs.Services {
		e.read, e.objects.Ingresses, e.objects.Services = cfg, objs.Ingresses, objs.Services
		var wanted map[gatelodge.Name]bool
		if wanted, e.tooMany = externalNames(&objs, cfg); !maps.Equal(wanted, e.wanted) {
			e.wanted = wanted
			e.wake.Raise()
		}
	}
	objs.Externals = e.current
	if len(e.tooMany) > 0 { // otherwise the slice stays, by which Build knows it
		objs.Problems = slices.Concat(objs.Problems, e.tooMany)
	}
	return objs
}

// Run runs the source, and looks names up, until ctx ends.
func (e *ExternalNames) Run(ctx context.Context, dirty func()) error {
	ctx, stop := context.WithCancel(ctx)
	var working sync.WaitGroup
	defer working.Wait()
	defer stop()
	var started atomic.Bool // dirty was called
	ended := make(chan error, 1)
	go func() {
		ended <- e.source.Run(ctx, func() {
			if started.Load() {
				dirty()
			} else {
				e.wake.Raise()
			}
		})
	}()
	followed := make(map[gatelodge.Name]context.CancelFunc)
	var waited <-chan time.Time
	for {
		select {
		case <-e.wake:
			if waited == nil {
				e.Objects() // says for the first time what is wanted
				waited = time.After(lookupWait)
			}
			e.follow(ctx, followed, &working)
			if !started.Load() && e.answered() {
				started.Store(true)
				dirty()
			}
		case <-e.news:
			if started.Load() || e.answered() {
				started.Store(true)
				dirty()
			}
		case <-waited:
			if !started.Swap(true) {
				dirty()
			}
		case err := <-ended:
			return err
		}
	}
}

// follow starts to look up what is wanted, and stops what is no longer.
func (e *ExternalNames) follow(ctx context.Context, followed map[gatelodge.Name]context.CancelFunc, working *sync.WaitGroup) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for name := range e.wanted {
		if followed[name] == nil {
			ctx, stop := context.WithCancel(ctx)
			followed[name] = stop
			working.Go(func() { e.keep(ctx, name) })
		}
	}
	for name, stop := range followed {
		if !e.wanted[name] {
			stop()
			delete(followed, name)
			e.put(name, nil)
		}
	}
}

// answered tells whether something is known of every name that is wanted.
func (e *ExternalNames) answered() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for name := range e.wanted {
		if e.current.Get(name) == nil {
			return false
		}
	}
	return true
}

// put makes what is known of a name known; the caller holds the lock.
func (e *ExternalNames) put(name gatelodge.Name, known *objects.External) {
	e.current = e.current.With(name, known)
}

// keep looks a name up now and then. A failure is told when it begins and when
// it is over.
func (e *ExternalNames) keep(ctx context.Context, name gatelodge.Name) {
	tick := time.NewTicker(lookupEvery)
	defer tick.Stop()
	failing := false
	for {
		addresses, err := e.ask(ctx, name)
		if ctx.Err() != nil {
			return
		}
		switch {
		case err != nil && !failing:
			e.log.Warn("an external name does not resolve; its last addresses stay", "name", string(name), "error", err)
		case err == nil && failing:
			e.log.Info("an external name resolves again", "name", string(name))
		}
		failing = err != nil
		e.learn(ctx, name, addresses, err)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// ask looks a name up. It ends in a dot for the resolver, because it is no name
// of one of the machine's own search domains; localhost is in no DNS (RFC 6761
// §6.3), and the machine's file of hosts has it without a dot.
func (e *ExternalNames) ask(ctx context.Context, name gatelodge.Name) ([]netip.Addr, error) {
	if address, err := netip.ParseAddr(string(name)); err == nil {
		return []netip.Addr{address}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	absolute := string(name) + "."
	if name == "localhost" {
		absolute = string(name)
	}
	found, err := e.lookup(ctx, absolute)
	if err != nil {
		return nil, err
	}
	for i, address := range found {
		found[i] = address.Unmap().WithZone("")
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s has no address", name)
	}
	return intent.SortedAddresses(found), nil
}

// learn takes in an answer, or that there was none.
func (e *ExternalNames) learn(ctx context.Context, name gatelodge.Name, addresses []netip.Addr, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	before := e.current.Get(name)
	if ctx.Err() != nil || before != nil && (err != nil || slices.Equal(before.Addresses, addresses)) {
		return
	}
	e.put(name, &objects.External{Addresses: addresses})
	e.news.Raise()
}

// externalNames lists the names of ExternalName Services that an Ingress, or the
// configuration, has as a backend.
func externalNames(objs *objects.Objects, cfg *objects.Config) (wanted map[gatelodge.Name]bool, tooMany []gatelodge.Problem) {
	services := make(map[objects.Key]gatelodge.Name)
	for _, service := range objs.Services.All() {
		if name, err := gatelodge.ParseName(service.Spec.ExternalName); err == nil && objects.IsExternal(service) && !cfg.RefuseExternalNames {
			services[objects.KeyOf(service)] = name
		}
	}
	wanted = make(map[gatelodge.Name]bool)
	if len(services) == 0 {
		return wanted, nil
	}
	seen := make(map[objects.Key]bool, len(services))
	count := make(map[string]int)
	want := func(namespace, name string) {
		service := objects.Key{Namespace: namespace, Name: name}
		external, ok := services[service]
		if !ok || seen[service] {
			return
		}
		seen[service] = true
		count[namespace]++
		switch n := count[namespace]; {
		case n <= maxExternalNames:
			wanted[external] = true
		case n == maxExternalNames+1:
			tooMany = append(tooMany, gatelodge.Problem{
				Object: gatelodge.Object{Kind: "Namespace", Name: namespace},
				Reason: gatelodge.SourceFailed,
				Message: fmt.Sprintf("its Ingresses name more than %d Services of type ExternalName; the names of the others, from %s on, are not looked up",
					maxExternalNames, name),
			})
		}
	}
	if cfg.DefaultBackend != nil {
		want(cfg.DefaultBackend.Namespace, cfg.DefaultBackend.Name)
	}
	for _, ingress := range objs.Ingresses.All() {
		for service := range servicesOf(ingress) {
			want(ingress.Namespace, service)
		}
	}
	return wanted, tooMany
}

// servicesOf yields the name of each Service that the Ingress has as a backend.
func servicesOf(ingress *networkingv1.Ingress) iter.Seq[string] {
	return func(yield func(string) bool) {
		ok := func(backend *networkingv1.IngressBackend) bool {
			return backend == nil || backend.Service == nil || yield(backend.Service.Name)
		}
		if !ok(ingress.Spec.DefaultBackend) {
			return
		}
		for _, rule := range ingress.Spec.Rules {
			if rule.HTTP == nil {
				continue
			}
			for i := range rule.HTTP.Paths {
				if !ok(&rule.HTTP.Paths[i].Backend) {
					return
				}
			}
		}
	}
}
