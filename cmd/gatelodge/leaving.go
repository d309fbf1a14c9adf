package main

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// leaveTime limits the time to tell the other replicas.
const leaveTime = 5 * time.Second

// leaving contains the addresses that are withdrawn when this replica stops.
type leaving struct {
	interfaces func() []netip.Addr             // of this machine
	addresses  atomic.Pointer[objects.Leaving] // nil: this replica stays
	gone       gatelodge.Signal                // a snapshot without them is live
	returned   gatelodge.Signal                // this replica stays, but its addresses are recorded as withdrawn

	telling sync.Mutex // held while the other replicas are told
}

func newLeaving() *leaving {
	return &leaving{interfaces: interfaceAddresses, gone: gatelodge.NewSignal(), returned: gatelodge.NewSignal()}
}

// build returns the addresses to leave out of answers: those recorded by the replicas,
// and those of this one. live must be called when the snapshot built with them is live.
func (l *leaving) build(told objects.Leaving, now time.Time) (going objects.Leaving, live func()) {
	own := l.addresses.Load()
	if own == nil {
		return told, func() {
			if at := told.At(now); len(at) > 0 && len(common(at, l.interfaces())) > 0 {
				l.returned.Raise()
			}
		}
	}
	for address, until := range *own {
		told = told.With([]netip.Addr{address}, until)
	}
	return told, l.gone.Raise
}

// interfaceAddresses returns the addresses at which others can reach this machine, or
// pod.
func interfaceAddresses() []netip.Addr {
	interfaces, _ := net.InterfaceAddrs() // without them no address goes with this replica
	var addresses []netip.Addr
	for _, i := range interfaces {
		prefix, err := netip.ParsePrefix(i.String())
		if err == nil && prefix.Addr().Unmap().IsGlobalUnicast() {
			addresses = append(addresses, prefix.Addr().Unmap())
		}
	}
	return addresses
}

// common returns the addresses that are in both a and b.
func common(a, b []netip.Addr) []netip.Addr {
	return slices.DeleteFunc(slices.Clone(a), func(address netip.Addr) bool { return !slices.Contains(b, address) })
}

// leaveAnswers removes this replica's addresses from the DNS answers of all replicas,
// if the names have others, and then waits for as long as resolvers and clients
// remember the earlier answers.
func (g *gateway) leaveAnswers(ctx context.Context) {
	snapshot, _, _ := g.live.Current()
	d := snapshot.Settings.Drain
	going := common(snapshot.Own, g.leaving.interfaces())
	if len(going) == 0 || len(going) == len(snapshot.Own) || d.DNS == 0 {
		return
	}
	until := time.Now().Add(d.DNS + d.Delay + max(d.Timeout, d.Tunnels))
	own := objects.Leaving(nil).With(going, until)
	g.leaving.addresses.Store(&own)
	g.wakeBuild.Raise()
	if err := g.tellLeaving(ctx, going, until); err != nil {
		g.log.Error("the other replicas still publish the addresses of this one", "addresses", going, "error", err)
	}
	select {
	case <-g.leaving.gone:
	case <-ctx.Done():
		return
	}
	snapshot, _, _ = g.live.Current()
	left := common(snapshot.Withdrawn, going)
	if len(left) == 0 {
		return // there is no other address
	}
	g.log.Info("the addresses of this replica are left out of DNS answers; it still serves at them", "addresses", left, "time", d.DNS)
	select {
	case <-time.After(d.DNS):
	case <-ctx.Done():
	}
}

// keepAddresses restores the addresses that an earlier process has withdrawn, until ctx
// ends.
func (g *gateway) keepAddresses(ctx context.Context) {
	for {
		select {
		case <-g.leaving.returned:
		case <-ctx.Done():
			return
		}
		if err := g.tellLeaving(ctx, g.leaving.interfaces(), time.Time{}); err != nil && ctx.Err() == nil {
			g.log.Error("the other replicas don't publish the addresses of this one, although it serves at them", "error", err)
		}
	}
}

// tellLeaving tells all replicas that addresses are withdrawn until a time, or that
// they stay if it is zero, which has no effect once this replica leaves.
func (g *gateway) tellLeaving(ctx context.Context, addresses []netip.Addr, until time.Time) error {
	g.leaving.telling.Lock()
	defer g.leaving.telling.Unlock()
	if until.IsZero() && g.leaving.addresses.Load() != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, leaveTime)
	defer cancel()
	return g.platform.leave(ctx, addresses, until)
}
