package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/dnsserve"
	"gatelodge.dev/kube/guard"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/state"
	"gatelodge.dev/proxy"
	gatetls "gatelodge.dev/tls"
)

// gateway is one running gateway: a source of objects, the Live snapshot made
// from them, and the servers that ask it.
type gateway struct {
	log     *slog.Logger
	live    gatelodge.Live
	source  objects.Source
	waiting func() string // what the source is not complete without; nil: it does not tell
	guard   *guard.Guard
	proxy   *proxy.Server
	dns     *dnsserve.Server

	certificates *gatetls.Server
	keys         []*gatelodge.SharedKeys // of tickets and cookies; nil: they are this process's own

	metrics   *metrics
	admin     *admin
	collector collector // the build's alone

	registry *prometheus.Registry // of everybody's metrics

	config       atomic.Pointer[config]
	configPoke   chan struct{}                   // wakes the build after a change of config, or a word to the guard
	followConfig func(ctx context.Context) error // watches the configuration file; nil: there is none

	served    func(*gatelodge.Snapshot, objects.Objects)   // takes note of what is live; nil: nobody does
	keep      func(objects.Objects)                        // keeps what is served for the next start; nil: nothing is kept
	recorded  *objects.GuardRecord                         // how much was served before the start, without a cluster; nil: that is not known
	attest    func(ctx context.Context) error              // tells the other replicas what this one serves; nil: there are none
	confirmed func(ctx context.Context, hash string) error // tells them what was confirmed here; nil: there are none
	takePart  func(ctx context.Context) error              // has a say among the replicas, and leads if it falls to this one; nil: there is nothing to do

	serving sync.Once     // closes first
	first   chan struct{} // closed once the first snapshot is live
	ready   atomic.Bool
	reason  atomic.Value // string: why the gateway is not ready
	opened  func()       // called once everything serves; nil: nobody wants to know
}

func newGateway(cfg *config, source objects.Source, accessLog io.Writer, log *slog.Logger) *gateway {
	g := &gateway{log: log, source: source, guard: &guard.Guard{Log: log, Reader: &intent.Reader{}}, configPoke: make(chan struct{}, 1), first: make(chan struct{})}
	g.config.Store(cfg)
	g.reason.Store("no snapshot yet")

	// The servers add their tables to live before its first swap.
	registry := newRegistry()
	g.registry = registry
	g.certificates = gatetls.New(&g.live, log)
	g.proxy = proxy.New(&g.live, proxy.Config{
		Log:        log,
		Registerer: registry,
		AccessLog:  accessLog,
		TLS:        g.certificates.Config(),
	})
	g.dns = dnsserve.New(&g.live, dnsserve.Config{
		Log:         log,
		Registerer:  registry,
		Identity:    identity(),
		Certificate: g.certificates.Certificate,
	})
	g.metrics = newMetrics(registry, g.guard)
	g.admin = newAdmin(g, registry)
	return g
}

// unreadiness says why the gateway is not ready.
func (g *gateway) unreadiness() string {
	reason := g.reason.Load().(string)
	if status := g.guard.Status(); status.Starting {
		return reason + ", " + status.String()
	}
	if missing := g.missingObjects(); missing != "" {
		return reason + ", " + missing
	}
	return reason
}

// reservation says what there is to know of a gateway that is ready: whether
// the guard withholds something, or it serves what it knew before it was
// started.
func (g *gateway) reservation() string {
	if status := g.guard.Status(); status.Holding {
		return ", " + status.String()
	}
	if missing := g.missingObjects(); missing != "" {
		return ", with the objects of an earlier time, " + missing
	}
	return ""
}

func (g *gateway) missingObjects() string {
	if g.waiting == nil {
		return ""
	}
	return g.waiting()
}

// identity is what tells this replica from the others: the pod's name.
func identity() string {
	if name := os.Getenv("POD_NAME"); name != "" {
		return name
	}
	name, _ := os.Hostname()
	return name
}

// run serves until ctx ends and then drains. It reads like a contents page.
func (g *gateway) run(ctx context.Context, adminAddress string) error {
	// What serves outlives ctx until it has drained.
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, working := errgroup.WithContext(working)

	// 1. The admin endpoint comes first: it says why the rest is not ready.
	adminListener, err := net.Listen("tcp", adminAddress)
	if err != nil {
		return fmt.Errorf("opening the admin endpoint: %w", err)
	}
	group.Go(func() error { return g.admin.serve(working, adminListener) })

	// 2. Objects are followed; each change becomes a snapshot that is live.
	source := state.NewExternalNames(g.source, func() *objects.Config { return &g.config.Load().Kube }, g.log)
	group.Go(func() error { return objects.Follow(working, source, g.configPoke, g.rebuild) })
	if g.followConfig != nil {
		group.Go(func() error { return g.followConfig(working) })
	}
	group.Go(func() error { return g.followKeys(working) })

	// 3. Listeners open once the first snapshot is live.
	select {
	case <-g.first:
	case <-ctx.Done():
		stop()
		return ignoreCanceled(group.Wait())
	case <-working.Done():
		return group.Wait()
	}
	for _, l := range g.config.Load().Listeners {
		if err := g.listen(l); err != nil {
			stop()
			return errors.Join(fmt.Errorf("opening listener %q: %w", l.Name, err), ignoreCanceled(group.Wait()))
		}
	}
	group.Go(g.proxy.Serve)
	group.Go(func() error { return g.dns.Serve(working) })

	// 4. Ready means serving.
	g.ready.Store(true)
	g.log.Info("serving", "admin", adminListener.Addr().String())
	if g.opened != nil {
		g.opened()
	}

	// 5. Only who serves may lead; somebody else shall while this one drains. It
	// is counted among those who serve until it does not.
	if g.attest != nil {
		group.Go(func() error { return g.attest(working) })
	}
	if g.takePart != nil {
		member, leave := context.WithCancel(ctx)
		defer leave()
		context.AfterFunc(working, leave)
		group.Go(func() error { return g.takePart(member) })
	}

	// 6. Leave without losing anything.
	select {
	case <-ctx.Done():
	case <-working.Done():
		return group.Wait()
	}
	err = g.drain()
	stop()
	return errors.Join(err, ignoreCanceled(group.Wait()))
}

func (g *gateway) listen(l gatelodge.Listener) error {
	switch l.Protocol {
	case gatelodge.DNS, gatelodge.DOT:
		return g.dns.Listen(l)
	default:
		return g.proxy.Listen(l)
	}
}

// rebuild makes one snapshot from the objects and puts it live. since is when
// the first of the changes in it was seen.
func (g *gateway) rebuild(from objects.Objects, since time.Time) (again time.Time) {
	start := time.Now()
	if g.recorded != nil {
		from.Guard = g.recorded
	}
	snapshot, again := g.guard.Build(from, &g.config.Load().Kube)
	if snapshot == nil {
		return again // too little is there to begin with
	}
	built := time.Now()

	before, _, _ := g.live.Current()
	generation := g.live.Swap(snapshot)
	g.collector.serves(len(snapshot.Hosts))
	g.metrics.swapped(snapshot, generation, built.Sub(start), time.Since(since))
	g.report(before, snapshot, generation)
	if g.served != nil {
		g.served(snapshot, from)
	}
	if g.keep != nil && !g.guard.Status().Holding {
		g.keep(from)
	}
	g.serving.Do(func() { close(g.first) })
	return again
}

// configChanged takes over a changed configuration, or keeps the one in force
// and shows why as a Problem.
func (g *gateway) configChanged(next *config, err error) {
	current := g.config.Load()
	if err == nil {
		err = next.needsRestart(current)
	}
	if err != nil {
		kept := *current
		kept.Kube.Problems = configProblems(err)
		next = &kept
	}
	g.config.Store(next)
	g.poke()
}

// poke has a snapshot built though no object changed.
func (g *gateway) poke() {
	select {
	case g.configPoke <- struct{}{}:
	default: // a build is due anyway
	}
}

// confirm lets go ahead what the guard holds, here at once and on the other
// replicas as soon as they are told. hash is that of the list that is meant, ""
// whatever it is now.
func (g *gateway) confirm(ctx context.Context, hash string) (confirmed string, err error) {
	confirmed, err = g.guard.Confirm(hash)
	if err != nil {
		return "", err
	}
	g.poke()
	if g.confirmed != nil {
		if err := g.confirmed(ctx, confirmed); err != nil {
			return confirmed, fmt.Errorf("telling the other replicas: %w", err)
		}
	}
	return confirmed, nil
}

// drain takes the gateway out of service: unready first, so that nobody sends
// anything new, then to the end of what is under way.
func (g *gateway) drain() error {
	snapshot, _, _ := g.live.Current()
	d := snapshot.Settings.Drain
	g.reason.Store("draining")
	g.ready.Store(false)
	g.log.Info("draining", "delay", d.Delay, "timeout", d.Timeout, "tunnels", d.Tunnels)
	g.proxy.Leave()
	if d.Delay > 0 {
		<-time.After(d.Delay) // so long, routers may still send what they think we are ready for
	}
	ctx, cancel := context.WithTimeout(context.Background(), max(d.Timeout, d.Tunnels))
	defer cancel()
	return errors.Join(g.proxy.Drain(ctx), g.dns.Shutdown(ctx))
}

// ignoreCanceled drops the error of work that was told to stop.
func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
