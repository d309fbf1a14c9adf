package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatelodge.dev/dashboard"
	"gatelodge.dev/explain"
	"gatelodge.dev/kube/guard"
)

// newDashboard returns the dashboard of g.
func newDashboard(g *gateway) *dashboard.Dashboard {
	return dashboard.New("/dashboard/", dashboard.Config{
		Live:    &g.live,
		Name:    identity(),
		Version: buildInfo().version,
		Unready: func() string {
			if g.ready.Load() {
				return ""
			}
			return g.unreadiness()
		},
		Serial: g.dns.Serial,
		Guard: func() dashboard.Guard {
			s := g.guard.Status()
			return dashboard.Guard{Text: s.String(), Hash: s.Hash, Until: s.Until, Hosts: s.Hosts, Objects: s.Objects}
		},
		Confirm: func(ctx context.Context, hash string) error {
			_, err := g.confirm(ctx, hash)
			if errors.Is(err, guard.ErrNothingHeld) || errors.Is(err, guard.ErrOtherHash) {
				err = fmt.Errorf("%w: %w", dashboard.ErrNotConfirmed, err)
			}
			return err
		},
		Explain: func(url string) (*explain.Document, error) {
			q, err := explain.Parse(url)
			if err != nil {
				return nil, err
			}
			return g.knowledge().Explain(q)
		},
		Traffic: g.proxy.Traffic,
		Now:     time.Now,
	})
}
