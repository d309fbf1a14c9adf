package proxy

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	gatelodge "gatelodge.dev"
)

// BenchmarkMatch finds the host, the route and the backend of a request, among
// few hosts in use and among all.
func BenchmarkMatch(b *testing.B) {
	for _, size := range []int{100, 2000, 20000} {
		s, names := plainSnapshot(), make([]gatelodge.Name, size)
		for i := range names {
			names[i] = gatelodge.Name(fmt.Sprintf("app%d.team%d.example.com", i%50, i/50))
			key := fmt.Sprintf("team%d/service%d:80", i/50, i%10)
			addHosts(s, host1(names[i], route1("/", key), route1("/api", key)))
			addBackends(s, backend1(key, gatelodge.BackendHTTP))
		}
		t := benchmarkTable(s)
		for _, used := range []int{8, size} {
			b.Run(fmt.Sprintf("%d of %d", used, size), func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					r := t.host(names[i*7919%used]).match("/")
					if r == nil || t.backends.Get(r.source.Backend) == nil {
						b.Fatal("no route or no backend")
					}
				}
			})
		}
	}
}

func benchmarkTable(s *gatelodge.Snapshot) *table {
	var live gatelodge.Live
	server := New(&live, Config{Registerer: prometheus.NewRegistry()})
	live.Swap(s)
	return server.table.Load()
}
