package main

import (
	"context"
	"net/netip"
	"path/filepath"
	"sync"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/state"
	"gatelodge.dev/tls/issuer"
	"gatelodge.dev/tls/revocation"
)

// platform is the environment of the gateway: a clusterMember, or standalone.
type platform interface {
	// waiting returns which objects the source has not read yet, "" if it is complete.
	waiting() string
	// previousRecord returns the guard's record from before the start of this process;
	// nil: the objects contain it, or it is unknown.
	previousRecord() *objects.GuardRecord
	// previousClaims returns the owners of names from before the start of this process,
	// with the same exceptions.
	previousClaims() objects.Holdings
	// served is called after each swap, with what the snapshot was built from.
	served(snapshot *gatelodge.Snapshot, from objects.Objects)
	// confirmed tells the other replicas what was confirmed at this one.
	confirmed(ctx context.Context, hash string) error
	// leave tells the other replicas that addresses are withdrawn until a time, or that
	// they stay if it has passed.
	leave(ctx context.Context, addresses []netip.Addr, until time.Time) error
	// renewLease tells the other replicas what this one serves, until ctx ends.
	renewLease(ctx context.Context) error
	// joinElection does the leader's work whenever this replica is elected, until
	// ctx ends.
	joinElection(ctx context.Context) error
}

// standalone is a gateway without a cluster. The zero value stores nothing.
type standalone struct {
	g      *gateway
	store  gatelodge.Store // nil: there is no state folder
	record *objects.GuardRecord
	claims objects.Holdings
}

func (s *standalone) waiting() string                                      { return "" }
func (s *standalone) previousRecord() *objects.GuardRecord                 { return s.record }
func (s *standalone) previousClaims() objects.Holdings                     { return s.claims }
func (s *standalone) served(*gatelodge.Snapshot, objects.Objects)          {}
func (s *standalone) confirmed(context.Context, string) error              { return nil }
func (s *standalone) renewLease(context.Context) error                     { return nil }
func (s *standalone) leave(context.Context, []netip.Addr, time.Time) error { return nil }

func (s *standalone) joinElection(ctx context.Context) error {
	if s.store != nil { // the only replica is the leader
		s.g.lead(ctx,
			func(ctx context.Context) { s.g.guard.Keep(ctx, s.putRecord) },
			func(ctx context.Context) { s.g.guard.KeepNames(ctx, s.putClaims) })
	} else {
		s.g.doctor.Run(ctx, nil)
	}
	return nil
}

func (s *standalone) putRecord(ctx context.Context, r objects.GuardRecord) error {
	err := objects.PutGuardRecord(ctx, s.store, r)
	if err != nil {
		s.g.log.Error("can't store the number of served hosts for the next start", "error", err)
	}
	return err
}

func (s *standalone) putClaims(ctx context.Context, h objects.Holdings) error {
	err := objects.PutClaims(ctx, s.store, h)
	if err != nil {
		s.g.log.Error("can't store the owners of names for the next start", "error", err)
	}
	return err
}

// keepIn sets the state folder of a gateway that has its source and no cluster.
func (g *gateway) keepIn(ctx context.Context, folder string) error {
	store, err := state.NewFolderStore(filepath.Join(folder, "items"))
	if err != nil {
		return err
	}
	record, err := objects.StoredGuardRecord(ctx, store)
	if err != nil {
		return err
	}
	claims, err := objects.StoredClaims(ctx, store)
	if err != nil { // age decides about names, as at a first start
		g.log.Error("can't read the previous owners of names", "error", err)
	}
	g.platform = &standalone{g, store, record, claims}
	if err := g.keepLastGood(folder); err != nil {
		return err
	}
	g.source = state.NewStoredSource(g.source, store, g.log)
	readable, err := state.NewAutocertStore(store, filepath.Join(folder, "autocert"), g.firstAccount, g.log)
	if err != nil {
		return err
	}
	g.useStore(readable, nil)
	return nil
}

// firstAccount returns the name of the item with the account key at the first CA, or
// "".
func (g *gateway) firstAccount() string {
	if acme := g.kubeConfig().ACME; acme != nil {
		return acme.Account.Item()
	}
	return ""
}

// keepLastGood stores the served objects in a folder, for a start when the source can't
// be read.
func (g *gateway) keepLastGood(folder string) error {
	lastGood, err := state.NewLastGood(g.source, folder, g.log)
	if err != nil {
		return err
	}
	g.source, g.lastGood, g.guard.Recall = lastGood, lastGood, lastGood.Recall
	return nil
}

// How long a key is in use. A ticket or cookie is valid for at most the same time after
// that.
const (
	ticketPeriod = 12 * time.Hour // ticket keys have to change, because they decrypt past sessions (RFC 5077 §5.5)
	cookiePeriod = 24 * time.Hour // a cookie is valid for an hour
)

// useStore sets the store for the keys of session tickets and DNS cookies, the serials
// of zones, and certificates from an ACME CA, which the other replicas and the next
// process read. awaitServed waits for the other replicas; nil: there are none.
func (g *gateway) useStore(store gatelodge.Store, awaitServed func(context.Context, func(string) bool) error) {
	g.keys = []*gatelodge.SharedKeys{
		{Store: store, Item: "tickets", Period: ticketPeriod, Use: g.certificates.UseTicketKeys, Log: g.log},
		{Store: store, Item: "dns-cookie", Period: cookiePeriod, Use: g.dns.UseCookieKeys, Log: g.log},
	}
	g.dns.UseStore(store)
	g.store = store
	g.issuer = issuer.New(&g.live, issuer.Config{
		Store: store, Log: g.log, UserAgent: userAgent(), Served: awaitServed,
		Awaited: g.certificates.TakeAwaited,
		OwnDNS:  g.answerOwn,
	})
	g.revocations = revocation.New(&g.live, revocation.Config{Store: store, Log: g.log, UserAgent: userAgent()})
	g.registry.MustRegister(newOrderMetrics(g.issuer), newRevocationMetrics(g.revocations))
}

// userAgent is the gateway's name in requests to CAs.
func userAgent() string { return "gatelodge/" + buildInfo().version }

// answerOwn answers a DNS query of this process from the zones that are served.
func (g *gateway) answerOwn(query []byte) []byte {
	snapshot, _, _ := g.live.Current()
	if snapshot == nil {
		return nil
	}
	return g.dns.AnswerMessage(snapshot.Views, query)
}

// followStore follows the items that the replicas share, until ctx ends: the keys,
// without which only sessions can't be resumed at another replica, and the serials of
// zones.
func (g *gateway) followStore(ctx context.Context) {
	var following sync.WaitGroup
	following.Go(func() {
		if err := g.dns.FollowSerials(ctx); err != nil {
			g.log.Error("can't follow the serials of zones, the last ones stay published", "error", err)
		}
	})
	if g.store != nil {
		following.Go(func() {
			if err := g.doctor.Follow(ctx, g.store); err != nil {
				g.log.Error("can't follow the leader's checks of delegations", "error", err)
			}
		})
	}
	for _, keys := range g.keys {
		following.Go(func() {
			if err := keys.Follow(ctx); err != nil {
				g.log.Error("can't share keys with the other replicas", "error", err)
			}
		})
	}
	following.Wait()
}

// lead does the leader's work, until ctx ends: it rotates the keys, gives zones their
// serials, orders certificates, and runs the given tasks.
func (g *gateway) lead(ctx context.Context, tasks ...func(ctx context.Context)) {
	for _, keys := range g.keys {
		tasks = append(tasks, keys.Lead)
	}
	var leading sync.WaitGroup
	tasks = append(tasks, g.dns.LeadSerials, g.issuer.Run, g.revocations.Run, func(ctx context.Context) { g.doctor.Run(ctx, g.store) })
	for _, task := range tasks {
		leading.Go(func() { task(ctx) })
	}
	leading.Wait()
}
