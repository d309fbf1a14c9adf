package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/cmd/gatelodge/supervisor"
	"gatelodge.dev/dnsserve"
	"gatelodge.dev/dnsserve/doctor"
	"gatelodge.dev/kube/guard"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/state"
	"gatelodge.dev/proxy"
	gatetls "gatelodge.dev/tls"
	"gatelodge.dev/tls/issuer"
	"gatelodge.dev/tls/revocation"
)

// gateway is one running gateway: a source of objects, the Live snapshot built
// from them, and the servers that serve it.
type gateway struct {
	log      *slog.Logger
	live     gatelodge.Live
	source   objects.Source
	platform platform
	lastGood *state.LastGood // stores what is served for the next start; nil: nothing is stored
	guard    *guard.Guard
	child    *supervisor.Child // nil: there is no supervisor
	proxy    *proxy.Server
	dns      *dnsserve.Server
	doctor   *doctor.Doctor // of delegations

	certificates *gatetls.Server
	keys         []*gatelodge.SharedKeys // of tickets and cookies; nil: this process makes its own
	store        gatelodge.Store         // nil: there is no store
	issuer       *issuer.Issuer          // nil: there is no store to keep certificates in
	revocations  *revocation.Checker     // nil, as issuer

	registry *prometheus.Registry // all metrics
	metrics  *metrics
	admin    *admin
	gc       gcTuner // used by rebuild only

	config       atomic.Pointer[config]
	leaving      *leaving                        // the addresses that are withdrawn while this replica drains
	wakeBuild    gatelodge.Signal                // starts a build although no object changed
	followConfig func(ctx context.Context) error // watches the configuration file; nil: there is none

	serving   sync.Once     // closes first
	first     chan struct{} // closed once the first snapshot is live
	ready     atomic.Bool
	reason    atomic.Value // string: why the gateway is not ready
	onServing func()       // called once everything is served; may be nil
}

func newGateway(cfg *config, source objects.Source, accessLog io.Writer, log *slog.Logger) *gateway {
	g := &gateway{
		log:       log,
		source:    source,
		guard:     &guard.Guard{Log: log, Reader: &intent.Reader{}},
		registry:  newRegistry(),
		wakeBuild: gatelodge.NewSignal(),
		leaving:   newLeaving(),
		first:     make(chan struct{}),
	}
	g.config.Store(cfg)
	g.reason.Store("no snapshot yet")

	// The servers add their tables to live before its first swap.
	g.certificates = gatetls.New(&g.live, log)
	g.proxy = proxy.New(&g.live, proxy.Config{
		Log:        log,
		Registerer: g.registry,
		AccessLog:  accessLog,
		Identity:   identity(),
		TLS:        g.certificates.Config(),
		Sockets:    g.sockets,
	})
	g.dns = dnsserve.New(&g.live, dnsserve.Config{
		Log:         log,
		Registerer:  g.registry,
		Identity:    identity(),
		Certificate: g.certificates.Certificate,
		Sockets:     g.sockets,
	})
	g.metrics = newMetrics(g.registry, g.guard, func() float64 { return float64(g.child.Restarts()) })
	g.platform = &standalone{g: g}
	g.doctor = g.newDoctor()
	g.showDelegations()
	g.admin = newAdmin(g, g.registry)
	return g
}

// kubeConfig returns the current configuration of the build.
func (g *gateway) kubeConfig() *objects.Config { return &g.config.Load().Kube }

// unreadiness returns why the gateway is not ready.
func (g *gateway) unreadiness() string {
	reason := g.reason.Load().(string)
	if status := g.guard.Status(); status.Starting {
		return reason + ", " + status.String()
	}
	if missing := g.platform.waiting(); missing != "" {
		return reason + ", " + missing
	}
	return reason
}

// reservation returns what is unusual about a ready gateway: the guard withholds
// something, or it serves objects that an earlier process stored.
func (g *gateway) reservation() string {
	if status := g.guard.Status(); status.Holding {
		return ", " + status.String()
	}
	if missing := g.platform.waiting(); missing != "" {
		return ", with the objects of an earlier time, " + missing
	}
	return ""
}

// identity returns the name of this replica: that of the pod, or else of the machine.
func identity() string {
	if name := os.Getenv("POD_NAME"); name != "" {
		return name
	}
	name, _ := os.Hostname()
	return name
}

// run serves until ctx ends and then drains.
func (g *gateway) run(ctx context.Context, adminAddress string) error {
	// The servers outlive ctx until they have drained.
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, working := errgroup.WithContext(working)

	g.gc.start()

	// 1. The admin endpoint is first, because it says why the gateway is not ready.
	adminListener, err := g.listenAdmin(adminAddress)
	if err != nil {
		return fmt.Errorf("opening the admin endpoint: %w", err)
	}
	if err := g.refuseAdmin(adminListener.Addr()); err != nil {
		return err
	}
	group.Go(func() error { return g.admin.serve(working, adminListener) })

	// 2. Follow the objects; each change becomes a snapshot that is live.
	source := state.NewPaced(state.NewExternalNames(g.source, g.kubeConfig, g.log))
	group.Go(func() error { return objects.Follow(working, source, g.wakeBuild, g.rebuild) })
	if g.followConfig != nil {
		group.Go(func() error { return g.followConfig(working) })
	}
	group.Go(func() error { g.followStore(working); return nil })

	// 3. Open the listeners once the first snapshot is live.
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
	if err := g.child.Serving(); err != nil {
		stop()
		return errors.Join(err, ignoreCanceled(group.Wait()))
	}
	g.log.Info("serving", "admin", adminListener.Addr().String())
	if g.onServing != nil {
		g.onServing()
	}

	// 5. Only a replica that serves may lead, and another one takes over while
	// this one drains. It renews its Lease until it no longer serves.
	group.Go(func() error { return g.platform.renewLease(working) })
	member, resign := context.WithCancel(working)
	defer resign()
	group.Go(func() error { return g.platform.joinElection(member) })
	group.Go(func() error { g.keepAddresses(working); return nil })

	// 6. Drain: withdraw the addresses from DNS answers, and finish the requests in
	// progress.
	select {
	case <-ctx.Done():
	case <-working.Done():
		return group.Wait()
	}
	g.reason.Store("draining")
	g.ready.Store(false)
	g.leaveAnswers(working)
	resign()
	err = g.drain()
	stop()
	return errors.Join(err, ignoreCanceled(group.Wait()))
}

// sockets is the gatelodge.Sockets of all listeners. A socket of an earlier process is
// not used if the configuration has changed the address or protocol of its listener.
func (g *gateway) sockets(l gatelodge.Listener, open func() ([]syscall.Conn, error)) ([]syscall.Conn, error) {
	return g.child.Sockets(fmt.Sprintf("%s %s %s", l.Name, l.Protocol, l.Address), open)
}

func (g *gateway) listenAdmin(address string) (net.Listener, error) {
	sockets, err := g.sockets(gatelodge.Listener{Name: "admin", Address: address}, func() ([]syscall.Conn, error) {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return nil, err
		}
		return []syscall.Conn{l.(*net.TCPListener)}, nil
	})
	if err != nil {
		return nil, err
	}
	return sockets[0].(*net.TCPListener), nil
}

func (g *gateway) listen(l gatelodge.Listener) error {
	switch l.Protocol {
	case gatelodge.DNS, gatelodge.DOT:
		return g.dns.Listen(l)
	default:
		return g.proxy.Listen(l)
	}
}

// rebuild builds a snapshot from the objects and makes it live. since is when
// the first of its changes was seen. It returns when to build again at the
// latest.
func (g *gateway) rebuild(from objects.Objects, since time.Time) (again time.Time) {
	start := time.Now()
	if record := g.platform.previousRecord(); record != nil {
		from.Guard = record
	}
	if claims := g.platform.previousClaims(); claims.Len() > 0 {
		from.Claims = claims
	}
	var leavingLive func()
	from.Leaving, leavingLive = g.leaving.build(from.Leaving, start)
	told := from
	told.Problems = slices.Concat(from.Problems, g.delegationProblems())
	snapshot, again := g.guard.Build(told, g.kubeConfig())
	if snapshot == nil {
		return again // the guard waits for more objects before it serves any
	}
	built := time.Now()

	before, _, _ := g.live.Current()
	generation := g.live.Swap(snapshot)
	g.gc.serves(snapshot.Hosts.Len())
	g.metrics.swapped(snapshot, generation, built.Sub(start), time.Since(since))
	g.report(before, snapshot, generation)
	g.admin.pages.Swapped(before, snapshot, generation)
	g.platform.served(snapshot, from)
	if g.lastGood != nil && !g.guard.Status().Holding {
		g.lastGood.Served(from)
	}
	leavingLive()
	g.serving.Do(func() { close(g.first) })
	return again
}

// refuseAdmin prevents routes from leading to the admin endpoint, which is at address.
func (g *gateway) refuseAdmin(address net.Addr) error {
	at, err := netip.ParseAddrPort(address.String())
	if err != nil {
		return fmt.Errorf("the admin endpoint's address: %w", err)
	}
	next := *g.config.Load()
	next.Kube.Admin = []netip.AddrPort{netip.AddrPortFrom(at.Addr().Unmap(), at.Port())}
	if at.Addr().IsUnspecified() {
		interfaces, err := net.InterfaceAddrs()
		if err != nil {
			return fmt.Errorf("the admin endpoint's addresses: %w", err)
		}
		for _, i := range interfaces {
			if prefix, err := netip.ParsePrefix(i.String()); err == nil {
				next.Kube.Admin = append(next.Kube.Admin, netip.AddrPortFrom(prefix.Addr().Unmap(), at.Port()))
			}
		}
	}
	g.config.Store(&next)
	return nil
}

// configChanged uses a changed configuration, or keeps the current one and
// reports why as a Problem.
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
	next.Kube.Admin = current.Kube.Admin
	g.config.Store(next)
	g.wakeBuild.Raise()
}

// confirm confirms what the guard holds: here at once, and on the other replicas
// through the store. hash is that of the list; "" is for any list.
func (g *gateway) confirm(ctx context.Context, hash string) (confirmed string, err error) {
	confirmed, err = g.guard.Confirm(hash)
	if err != nil {
		return "", err
	}
	g.wakeBuild.Raise()
	if err := g.platform.confirmed(ctx, confirmed); err != nil {
		return confirmed, fmt.Errorf("telling the other replicas: %w", err)
	}
	return confirmed, nil
}

// drain takes the gateway, which is already unready so that clients use other replicas,
// out of service, and finishes what is in progress.
func (g *gateway) drain() error {
	snapshot, _, _ := g.live.Current()
	d := snapshot.Settings.Drain
	leaving := g.child.Leaving()
	g.log.Info("draining", "delay", d.Delay, "timeout", d.Timeout, "tunnels", d.Tunnels)
	g.proxy.Leave()
	if d.Delay > 0 {
		<-time.After(d.Delay) // until then, load balancers may still send new connections
	}
	ctx, cancel := context.WithTimeout(context.Background(), max(d.Timeout, d.Tunnels))
	defer cancel()
	err := g.proxy.Drain(ctx)
	// A slow request does not delay queries: these have their own time.
	ctx, cancel = context.WithTimeout(context.Background(), queriesTime)
	defer cancel()
	return errors.Join(leaving, err, g.dns.Shutdown(ctx))
}

// queriesTime is how long arrived queries and zone transfers may take at the end. It is
// within the time that the pod's grace period has for the exit.
const queriesTime = 3 * time.Second

// ignoreCanceled drops the error of canceled work.
func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
