package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/dnsserve"
	"gatelodge.dev/explain"
	"gatelodge.dev/kube/compile"
	"gatelodge.dev/proxy"
	"gatelodge.dev/tls/issuer"
)

// explainOffline compiles manifests and explains the result.
func explainOffline(ctx context.Context, std stdio, flags *explainFlags, text string) (*explain.Document, error) {
	cfg, err := loadConfig(flags.config)
	if err != nil {
		return nil, err
	}
	var files source
	texts, err := files.read(ctx, std, flags.manifests)
	if err != nil {
		return nil, err
	}
	objs := texts.Objects()
	objs.Now = time.Now()
	cfg.Kube.LoopbackEndpoints = true // as check does

	var builder compile.Builder
	snapshot := builder.Build(objs, &cfg.Kube)
	q, err := parseQuestion(text, flags.client)
	if err != nil {
		return nil, usageError{err}
	}
	return offline(snapshot, builder.Asked(), objs.Now).Explain(q)
}

// offline is the knowledge about a Snapshot that is not served.
func offline(snapshot *gatelodge.Snapshot, asked compile.Asked, now time.Time) explain.Knowledge {
	var live gatelodge.Live
	dns := dnsserve.New(&live, dnsserve.Config{Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	live.Swap(snapshot)
	return explain.Knowledge{Snapshot: snapshot, Now: now, Names: asked, Proxy: proxy.Explainer{}, DNS: dns, RenewAt: issuer.RenewAt}
}
