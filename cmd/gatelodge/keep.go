package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/guard"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/state"
	gatetls "gatelodge.dev/tls"
)

// keepIn gives the gateway, which has its source and no cluster, a folder for
// what has to outlive the process.
func (g *gateway) keepIn(ctx context.Context, folder string, log *slog.Logger) error {
	store, err := state.NewFolderStore(filepath.Join(folder, "items"))
	if err != nil {
		return err
	}
	served, err := state.NewLastGood(g.source, folder, log)
	if err != nil {
		return err
	}
	if g.recorded, err = guard.StoredGuardRecord(ctx, store); err != nil {
		return err
	}
	g.keep, g.guard.Recall = served.Served, served.Recall
	g.source = state.NewStoredSource(served, store, log)
	g.shareKeys(store)
	issuer := g.newIssuer(store, nil)
	g.takePart = func(ctx context.Context) error { // there are no other replicas
		var leading sync.WaitGroup
		leading.Go(func() { g.leadKeys(ctx) })
		leading.Go(func() { issuer.Run(ctx) })
		leading.Go(func() { g.guard.Keep(ctx, g.recordIn(store)) })
		leading.Wait()
		return nil
	}
	return nil
}

// recordIn returns what keeps in the store how much is served.
func (g *gateway) recordIn(store gatelodge.Store) func(context.Context, objects.GuardRecord) error {
	return func(ctx context.Context, r objects.GuardRecord) error {
		err := guard.PutGuardRecord(ctx, store, r)
		if err != nil {
			g.log.Error("how much is served is not kept for a next start", "error", err)
		}
		return err
	}
}

// newIssuer returns what gets certificates from an ACME CA, if the configuration
// names one. served waits for the other replicas; nil: there are none.
func (g *gateway) newIssuer(store gatelodge.Store, served func(context.Context, func(string) bool) error) *gatetls.Issuer {
	return gatetls.NewIssuer(&g.live, gatetls.IssuerConfig{
		Store: store, Log: g.log, UserAgent: "gatelodge/" + buildInfo().version, Served: served,
	})
}
