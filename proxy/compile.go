package proxy

import (
	gatelodge "gatelodge.dev"
)

// compile makes the table of a Snapshot. What did not change is taken from the
// table before: an equal pointer in the Snapshot means equal content.
func (s *Server) compile(next *gatelodge.Snapshot, before *table) *table {
	if before == nil {
		before = &table{snapshot: &gatelodge.Snapshot{}}
	}
	t := &table{
		snapshot:   next,
		settings:   next.Settings,
		backends:   make(map[string]*backend, len(next.Backends)),
		challenges: challenges(next.Challenges),
		httpsPort:  httpsPort(next.Listeners),
	}
	for _, b := range next.Backends {
		if old := before.backends[b.Key]; old != nil && old.source == b {
			t.backends[b.Key] = old
			continue
		}
		t.backends[b.Key] = s.compileBackend(b)
	}
	if sameSlice(before.snapshot.Hosts, next.Hosts) && before.hosts != nil {
		t.hosts = before.hosts
		return t
	}
	t.hosts = make(map[gatelodge.Name]*host, len(next.Hosts))
	for _, h := range next.Hosts {
		key := hostKey(h.Name)
		if old := before.hosts[key]; old != nil && old.source == h {
			t.hosts[key] = old
			continue
		}
		t.hosts[key] = s.compileHost(h, t.backends)
	}
	return t
}

func (s *Server) compileHost(source *gatelodge.Host, backends map[string]*backend) *host {
	h := &host{source: source, routes: make([]*route, len(source.Routes))}
	for i, r := range source.Routes {
		service := ""
		if b := backends[r.Backend]; b != nil {
			service = b.source.Service
		}
		h.routes[i] = &route{
			source: r,
			host:   h,
			steps:  s.steps(source, r.Policy),
			series: s.metrics.requestSeries(requestKey{r.Object.Namespace, r.Object.Name, service}),
		}
	}
	return h
}

// published forgets what no table names any more. Requests that loaded the
// table before keep what they hold.
func (s *Server) published(t *table) {
	s.upstreams.sweep(t)
	s.metrics.sweep(t)
}

// httpsPort returns the port that users see the first HTTPS listener on.
func httpsPort(listeners []gatelodge.Listener) uint16 {
	for _, l := range listeners {
		if l.Protocol == gatelodge.HTTPS {
			return l.PublicPort
		}
	}
	return 0
}

// sameSlice tells whether two lists are the same memory.
func sameSlice[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
