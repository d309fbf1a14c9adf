package proxy

import (
	"math"
	"time"

	gatelodge "gatelodge.dev"
)

// Explainer describes what the proxy does with requests, with the same rules. A nil
// Server in it has served nothing.
type Explainer struct{ Server *Server }

// Route returns the host and the route of the Snapshot for a name and a canonical path
// in a view, or nil.
func (e Explainer) Route(s *gatelodge.Snapshot, view string, name gatelodge.Name, path string) (*gatelodge.Host, *gatelodge.Route) {
	found := s.Hosts.Get(name)
	if wildcard := name.Wildcard(); found == nil && wildcard != "" {
		found = s.Hosts.Get(wildcard)
	}
	if found == nil {
		found = s.Hosts.Get("")
	}
	if found = found.In(view); found == nil {
		return nil, nil
	}
	list := &routeList{source: found.Routes}
	for _, source := range found.Routes {
		list.routes = append(list.routes, &route{source: source})
	}
	list.findLocations()
	if r := (&host{source: found, routeList: list}).match(gatelodge.PathForm(path)); r != nil {
		return found, r.source
	}
	return found, nil
}

// Policies names what a route does with its requests, in the order of execution.
func (e Explainer) Policies(route *gatelodge.Route) []string {
	var names []string
	for _, n := range (&Server{}).namedSteps(route) { // the steps are built, but not executed
		names = append(names, n.name)
	}
	return names
}

// Recent returns the last requests for a host, the latest first.
func (e Explainer) Recent(name gatelodge.Name) []gatelodge.Handled {
	if e.Server == nil {
		return nil
	}
	if h := e.Server.table.Load().hosts.Get(hostKey(name)); h != nil {
		return h.recent.list()
	}
	return nil
}

// Endpoints returns the states of a backend's endpoints, in their order.
func (e Explainer) Endpoints(key gatelodge.BackendKey) []gatelodge.EndpointState {
	if e.Server == nil {
		return nil
	}
	b := e.Server.table.Load().backends.Get(key)
	if b == nil {
		return nil
	}
	return e.Server.upstreams.states(b.source)
}

// states returns the states of a backend's endpoints.
func (u *upstreams) states(source *gatelodge.Backend) (states []gatelodge.EndpointState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	up, now := u.byKey[source.Key], time.Now()
	if up == nil {
		return nil
	}
	for _, e := range source.Endpoints {
		state := gatelodge.EndpointState{Address: e.Address, Draining: e.Draining}
		if end := up.endpoints[keyOf(source, e.Address)]; end != nil {
			end.health.describe(&state, now)
		}
		states = append(states, state)
	}
	return states
}

// describe sets the state of an endpoint at a time.
func (h *health) describe(state *gatelodge.EndpointState, now time.Time) {
	switch out := h.outUntil.Load(); {
	case out == math.MaxInt64:
		state.Failing = true
	case out > now.UnixNano():
		state.OutUntil = time.Unix(0, out)
	}
	if last := h.lastError.Load(); last != nil {
		state.Error, state.ErrorAt = last.text, last.at
	}
}

// endpointError is a try or a check that failed.
type endpointError struct {
	text string
	at   time.Time
}

// noteError keeps the last error of an endpoint, for explanations.
func (h *health) noteError(err error, at time.Time) {
	h.lastError.Store(&endpointError{err.Error(), at})
}
