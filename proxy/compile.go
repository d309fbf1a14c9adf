package proxy

import (
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/tracing"
)

// compile returns the table of a Snapshot. It compiles only what changed since the
// previous table, and reuses the rest.
func (s *Server) compile(next *gatelodge.Snapshot, before *table) *table {
	if before == nil {
		before = &table{snapshot: &gatelodge.Snapshot{}}
	}
	s.changes = changes{}
	backends := before.backends.Edit()
	for key, change := range next.Backends.Changes(before.snapshot.Backends) {
		compiled := gatelodge.Change[*backend]{Before: before.backends.Get(key)}
		if change.After != nil {
			compiled.After = s.compileBackend(change.After)
		}
		backends.Set(key, compiled.After)
		s.changes.backends = append(s.changes.backends, compiled)
	}
	hosts, lists := before.hosts.Edit(), make(map[*gatelodge.Route]*routeList)
	passing := before.passing
	for name, change := range next.Hosts.Changes(before.snapshot.Hosts) {
		at := hostKey(name)
		compiled := gatelodge.Change[*host]{Before: before.hosts.Get(at)}
		if change.After != nil {
			compiled.After = s.compileHost(change.After, next, compiled.Before, lists)
		}
		hosts.Set(at, compiled.After)
		s.changes.hosts = append(s.changes.hosts, compiled)
		passing = countPassing(passing, compiled)
	}
	return &table{
		snapshot:   next,
		settings:   next.Settings,
		hosts:      hosts.Map(),
		passing:    passing,
		backends:   backends.Map(),
		challenges: challenges(next.Challenges),
		tracer:     s.tracer(next.Settings, before),
		inTurns:    next.Settings.Balancing.Algorithm <= gatelodge.RoundRobin && next.Settings.Balancing.SlowStart == 0,
		httpsPorts: httpsPorts(next.Listeners),
	}
}

// changes are the differences between a table and the one before.
type changes struct {
	hosts    []gatelodge.Change[*host]
	backends []gatelodge.Change[*backend]
	tracer   *tracing.Tracer // of the table before, if it is not that of the next one
}

// compileHost compiles a host. Its list of routes may be that of the previous host (nil
// for none), or one of lists, which contains compiled lists by their first route.
func (s *Server) compileHost(source *gatelodge.Host, snapshot *gatelodge.Snapshot, before *host, lists map[*gatelodge.Route]*routeList) *host {
	kept := &recent{}
	if before != nil {
		kept = before.recent
	}
	if len(source.Routes) == 0 {
		return &host{source: source, routeList: &routeList{}, recent: kept, views: viewsOf(source, &routeList{}, kept)}
	}
	list := lists[source.Routes[0]]
	if before != nil && list == nil {
		list = before.routeList
	}
	if list == nil || !slices.Equal(list.source, source.Routes) {
		list = s.compileRoutes(source.Routes, snapshot)
	}
	lists[source.Routes[0]] = list
	return &host{source: source, routeList: list, recent: kept, views: viewsOf(source, list, kept)}
}

// viewsOf returns the parts of a host in each view, if they differ.
func viewsOf(source *gatelodge.Host, all *routeList, kept *recent) map[string]*host {
	if source.ByView == nil {
		return nil
	}
	views := make(map[string]*host, len(source.ByView))
	for view, in := range source.ByView {
		views[view] = &host{source: in, routeList: all.only(in.Routes), recent: kept}
	}
	return views
}

// only returns the compiled list of some of the routes.
func (l *routeList) only(source []*gatelodge.Route) *routeList {
	if slices.Equal(source, l.source) {
		return l
	}
	list := &routeList{source: source, series: l.series, readings: compileReadings(source)}
	for i, r := range l.source {
		if slices.Contains(source, r) {
			list.routes = append(list.routes, l.routes[i])
		}
	}
	list.findLocations()
	return list
}

func (s *Server) compileRoutes(source []*gatelodge.Route, snapshot *gatelodge.Snapshot) *routeList {
	list := &routeList{source: source, routes: make([]*route, len(source)), readings: compileReadings(source)}
	list.findLocations()
	seen := make(map[*requestSeries]bool)
	add := func(series *requestSeries) {
		if !seen[series] {
			seen[series] = true
			list.series = append(list.series, series)
		}
	}
	for i, r := range source {
		compiled := &route{source: r, inTurns: inTurns(r.Policy), series: s.seriesOf(r, snapshot)}
		if b := snapshot.Backends.Get(r.Backend); b != nil {
			compiled.servicePort = b.Port
		}
		if i > 0 && source[i-1].Policy == r.Policy && (source[i-1].Canary == nil) == (r.Canary == nil) {
			compiled.steps = list.routes[i-1].steps
		} else {
			compiled.steps = s.steps(r)
		}
		list.routes[i] = compiled
		add(compiled.series)
		if r.Canary != nil {
			s.compileCanary(compiled, snapshot)
			add(compiled.canary.route.series)
		}
	}
	return list
}

// seriesOf returns the series of a route's requests.
func (s *Server) seriesOf(r *gatelodge.Route, snapshot *gatelodge.Snapshot) *requestSeries {
	service := ""
	if b := snapshot.Backends.Get(r.Backend); b != nil {
		service = b.Service
	}
	return s.metrics.requestSeries(requestKey{r.Object.Namespace, r.Object.Name, service})
}

// findLocations records what match needs to know about the locations of a
// server-snippet.
func (l *routeList) findLocations() {
	for _, r := range l.source {
		l.startFirst = l.startFirst || r.Match == gatelodge.PathStartFirst
		if s := r.Policy.Snippet; s != nil && s.Answers {
			l.locations = r.Object.Namespace
		}
	}
	others := func(r *gatelodge.Route) bool { return r.Object.Namespace != l.locations && r.Object.Namespace != "" }
	if !slices.ContainsFunc(l.source, others) {
		l.locations = ""
	}
}

// published drops everything that no table refers to any more. Requests that loaded an
// older table keep their references.
func (s *Server) published(*table) {
	s.upstreams.sweep(s.changes.backends)
	s.metrics.sweep(&s.changes)
	go s.changes.tracer.Close() // which sends the queued spans
	s.changes = changes{}
}

// httpsPorts returns the ports that users see the first HTTPS listener of each view
// on, and at "" that of listeners without one.
func httpsPorts(listeners []gatelodge.Listener) map[string]uint16 {
	ports := make(map[string]uint16)
	for _, l := range listeners {
		if l.Protocol != gatelodge.HTTPS {
			continue
		}
		views := l.Views
		if len(views) == 0 {
			views = []string{""}
		}
		for _, view := range views {
			if _, found := ports[view]; !found {
				ports[view] = l.PublicPort
			}
		}
	}
	return ports
}
