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
		challenges: challenges(next.Challenges),
		httpsPort:  httpsPort(next.Listeners),
	}
	s.changes = changes{}
	backends := before.backends.Edit()
	gatelodge.Differences(before.snapshot.Backends, next.Backends, gatelodge.CompareBackends, func(gone, added *gatelodge.Backend) {
		var c change[backend]
		if gone != nil {
			c.before = before.backends.Get(gone.Key)
			backends.Delete(gone.Key)
		}
		if added != nil {
			c.after = s.compileBackend(added)
			backends.Put(added.Key, c.after)
		}
		s.changes.backends = append(s.changes.backends, c)
	})
	t.backends = backends.Map()
	hosts := before.hosts.Edit()
	gatelodge.Differences(before.snapshot.Hosts, next.Hosts, gatelodge.CompareHosts, func(gone, added *gatelodge.Host) {
		var c change[host]
		if gone != nil {
			c.before = before.hosts.Get(hostKey(gone.Name))
			hosts.Delete(hostKey(gone.Name))
		}
		if added != nil {
			c.after = s.compileHost(added, t.backends)
			hosts.Put(hostKey(added.Name), c.after)
		}
		s.changes.hosts = append(s.changes.hosts, c)
	})
	t.hosts = hosts.Map()
	return t
}

// changes is how a table differs from the one before.
type changes struct {
	hosts    []change[host]
	backends []change[backend]
}

// change is an item of two tables; nil: that one does not have it.
type change[T any] struct{ before, after *T }

func (s *Server) compileHost(source *gatelodge.Host, backends gatelodge.SharedMap[string, *backend]) *host {
	h := &host{source: source, routes: make([]*route, len(source.Routes)), readings: compileReadings(source)}
	for i, r := range source.Routes {
		service := ""
		if b := backends.Get(r.Backend); b != nil {
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
func (s *Server) published(*table) {
	s.upstreams.sweep(s.changes.backends)
	s.metrics.sweep(&s.changes)
	s.changes = changes{}
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
