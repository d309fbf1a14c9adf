package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube"
	gatetls "gatelodge.dev/tls"
)

// keepIn gives the gateway, which has its source and no cluster, a folder for
// what has to outlive the process.
func (g *gateway) keepIn(state string, log *slog.Logger) error {
	store, err := kube.NewFolderStore(filepath.Join(state, "items"))
	if err != nil {
		return err
	}
	g.source = kube.NewStoredSource(g.source, store, log)
	g.shareKeys(store)
	issuer := g.newIssuer(store, nil)
	g.takePart = func(ctx context.Context) error { // there are no other replicas
		var leading sync.WaitGroup
		leading.Go(func() { g.leadKeys(ctx) })
		leading.Go(func() { issuer.Run(ctx) })
		leading.Wait()
		return nil
	}
	return nil
}

// newIssuer returns what gets certificates from an ACME CA, if the configuration
// names one. served waits for the other replicas; nil: there are none.
func (g *gateway) newIssuer(store gatelodge.Store, served func(context.Context, func(string) bool) error) *gatetls.Issuer {
	return gatetls.NewIssuer(&g.live, gatetls.IssuerConfig{
		Store: store, Log: g.log, UserAgent: "gatelodge/" + buildInfo().version, Served: served,
	})
}
