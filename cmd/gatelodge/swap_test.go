package main

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
)

// benchmarkSwap repeats a change of the snapshot and makes it live, which is what
// the three servers, the metrics and the log add to a build.
func benchmarkSwap(b *testing.B, change func(next *gatelodge.Snapshot, n int)) {
	for _, hosts := range []int{2000, 20000} {
		b.Run(fmt.Sprint(hosts), func(b *testing.B) {
			g, _ := bigGateway(b, hosts)
			current, _, _ := g.live.Current()
			measureCPU(b, func(n int) {
				next := *current
				change(&next, n)
				generation := g.live.Swap(&next)
				g.metrics.swapped(&next, generation, 0, 0)
				g.report(current, &next, generation)
				current = &next
			})
		})
	}
}

// BenchmarkSwapOneEdit moves one host, with its record, to another name.
func BenchmarkSwapOneEdit(b *testing.B) {
	benchmarkSwap(b, func(next *gatelodge.Snapshot, n int) {
		old := gatelodge.Name(fmt.Sprintf("app%d.team%d.example.com", n%50, n*7919%(next.Hosts.Len()/50)))
		if next.Hosts.Get(old) == nil { // moved before
			old = "moved." + old
		}
		host := *next.Hosts.Get(old)
		if host.Name = "moved." + old; len(old) > 6 && old[:6] == "moved." {
			host.Name = old[6:]
		}
		next.Hosts = next.Hosts.Without(old).With(host.Name, &host)

		view, zone := *next.Views[0], *next.Views[0].Zones[0]
		node := &gatelodge.Node{Name: host.Name, Records: []gatelodge.Record{
			{Name: host.Name, Type: "A", TTL: time.Minute, Data: "192.0.2.1"},
		}}
		zone.Nodes = zone.Nodes.Without(old).With(host.Name, node)
		view.Zones = []*gatelodge.Zone{&zone}
		next.Views = []*gatelodge.View{&view}
	})
}

// BenchmarkSwapOneEndpointChange gives one backend another endpoint.
func BenchmarkSwapOneEndpointChange(b *testing.B) {
	benchmarkSwap(b, func(next *gatelodge.Snapshot, n int) {
		key := gatelodge.BackendKey(fmt.Sprintf("team%d/service%d:80", n*7919%(next.Hosts.Len()/50), n%10))
		backend := *next.Backends.Get(key)
		backend.Endpoints = append([]gatelodge.Endpoint(nil), backend.Endpoints...)
		address := netip.AddrFrom4([4]byte{10, 250, byte(n / 250), byte(n%250 + 1)})
		backend.Endpoints[0].Address = netip.AddrPortFrom(address, 8080)
		next.Backends = next.Backends.With(key, &backend)
	})
}
