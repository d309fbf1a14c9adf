package proxy

import (
	"fmt"
	"io"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	gatelodge "gatelodge.dev"
)

// TestHostsShareCompiledRoutes: hosts that share a list of routes share what is
// compiled of it, and a host of which something else changes keeps it.
func TestHostsShareCompiledRoutes(t *testing.T) {
	live := new(gatelodge.Live)
	s := New(live, Config{Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), AccessLog: io.Discard})
	routes := []*gatelodge.Route{
		{Path: "/a", Policy: &gatelodge.Policy{}, Object: gatelodge.Object{Namespace: "shop", Name: "web"}},
		{Path: "/", Policy: &gatelodge.Policy{}, Object: gatelodge.Object{Namespace: "shop", Name: "web"}},
	}
	var hosts gatelodge.Map[gatelodge.Name, *gatelodge.Host]
	for i := range 100 {
		name := gatelodge.Name(fmt.Sprintf("a%d.test", i))
		hosts = hosts.With(name, &gatelodge.Host{Name: name, Routes: routes})
	}
	compiled := func() map[*routeList]bool {
		live.Swap(&gatelodge.Snapshot{Settings: &gatelodge.Settings{}, Hosts: hosts})
		lists := make(map[*routeList]bool)
		for name := range hosts.All() {
			lists[s.table.Load().hosts.Get(name).routeList] = true
		}
		return lists
	}
	before := compiled()
	if len(before) != 1 {
		t.Errorf("100 hosts with one list of routes have %d compiled ones", len(before))
	}
	hosts = hosts.With("a7.test", &gatelodge.Host{Name: "a7.test", Routes: routes, WantsTLS: true})
	if after := compiled(); len(after) != 1 || !before[s.table.Load().hosts.Get("a7.test").routeList] {
		t.Errorf("a host with the routes it had has others compiled")
	}
	if series := s.metrics.routes[requestKey{namespace: "shop", ingress: "web"}]; series == nil || series.hosts != 100 {
		t.Errorf("the series of the routes are counted as %+v", series)
	}
	hosts = gatelodge.Map[gatelodge.Name, *gatelodge.Host]{}
	if compiled(); len(s.metrics.routes) != 0 {
		t.Errorf("%d series of routes are left", len(s.metrics.routes))
	}
}
