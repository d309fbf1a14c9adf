package compile

import (
	"fmt"
	"iter"
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/claims"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/intent"
)

// A canary claims no name and takes no path: it adds a backend to the routes of
// Ingresses of its own namespace, so that a namespace that may not have a name
// can't have a part of its requests either. ingress-nginx asks for no namespace
// (mergeAlternativeBackends in internal/ingress/controller/controller.go).

// alternativeHosts yields the hosts of a canary, some of them twice; nil has none.
func (r *resolved) alternativeHosts() iter.Seq[gatelodge.Name] {
	return func(yield func(gatelodge.Name) bool) {
		if r == nil {
			return
		}
		for i := range r.Alternatives {
			if !yield(r.Alternatives[i].Host) {
				return
			}
		}
	}
}

// canariesOf returns the canaries of a namespace at a host, the oldest first.
func (res *resolution) canariesOf(namespace string, host gatelodge.Name) (list []*resolved) {
	for key := range follow.Of(res.canaries, host) {
		if key.Namespace == namespace {
			list = append(list, res.results.Get(key))
		}
	}
	slices.SortFunc(list, func(a, b *resolved) int { return a.Applicant.Compare(&b.Applicant) })
	return list
}

// addCanaries adds to each route of the host's owner and guests the oldest canary that
// fits. An alias has the canaries of its host.
func (r *hostResult) addCanaries(granted *claims.Grant, res *resolution) {
	for i, s := range granted.Shares {
		host := s.By.HostOf(granted.Name)
		canaries := res.canariesOf(s.Namespace(), host)
		policies := make(map[[2]*gatelodge.Policy]*gatelodge.Policy)
		for _, route := range r.host.Routes {
			if route.Object != r.shares[i].Object || route.Backend == "" {
				continue
			}
			for _, c := range canaries {
				if ref := c.backendFor(r.shares[i], route, host); ref != nil && ref.Key != route.Backend {
					both := [2]*gatelodge.Policy{route.Policy, c.policy}
					if policies[both] == nil {
						policies[both] = c.underPolicy(route.Policy)
					}
					r.setCanary(route, c, ref, policies[both])
					break
				}
			}
		}
	}
}

// backendFor returns the canary's backend in place of a route's, with the same protocol
// and checks; nil for none.
func (r *resolved) backendFor(main *resolved, route *gatelodge.Route, host gatelodge.Name) *intent.BackendRef {
	for i := range r.Alternatives {
		if alt := &r.Alternatives[i]; alt.Host == host && alt.Fits(route) {
			return intent.NewBackendRef(alt.Port, main.Asked.Protocol, main.Asked.BackendTLS, main.Asked.HealthCheck)
		}
	}
	return nil
}

// underPolicy returns the policy of the main route, except for the choice of an
// endpoint. Sessions are the main route's too, unless the canary has none.
func (r *resolved) underPolicy(main *gatelodge.Policy) *gatelodge.Policy {
	policy := *main
	policy.LoadBalance, policy.SlowStart, policy.HashBy = r.policy.LoadBalance, r.policy.SlowStart, r.policy.HashBy
	if r.Asked.Canary.NoSessions {
		policy.Affinity = nil
	}
	return &policy
}

func (r *hostResult) setCanary(route *gatelodge.Route, c *resolved, to *intent.BackendRef, policy *gatelodge.Policy) {
	ask := &c.Asked.Canary
	route.Canary = &gatelodge.Canary{
		Backend: to.Key, Policy: policy, Object: c.Object,
		Header: ask.Header, Value: ask.Value, Pattern: ask.Pattern, Cookie: ask.Cookie,
		Weight: ask.Weight, Total: ask.Total,
	}
	r.addRef(to)
}

// addCanaryNames adds the names that a canary affects: its hosts, and their aliases.
func (m *hostMaker) addCanaryNames(r *resolved) {
	for host := range r.alternativeHosts() {
		m.dirty[host] = true
		granted := m.names.Get(host)
		if granted == nil {
			continue
		}
		for _, s := range granted.Shares {
			for name := range s.By.Names() {
				if s.By.HostOf(name) == host {
					m.dirty[name] = true
				}
			}
		}
	}
}

// tellCanaries reports to the canaries at a name which of their paths get no requests.
func (m *hostMaker) tellCanaries(name gatelodge.Name) {
	var t *follow.Told
	n := 0
	for key := range follow.Of(m.resolved.canaries, name) {
		c := m.resolved.results.Get(key)
		for i := range c.Alternatives {
			alt := &c.Alternatives[i]
			if alt.Host != name {
				continue
			}
			if problem := m.results.Get(name).refusedCanary(c, alt); problem != nil && n < maxHostProblems {
				t = t.Add(*problem)
				n++
			}
		}
	}
	m.canaries.Set(name, t)
}

// refusedCanary returns why a path of a canary gets no requests, nil if it gets some; r
// may be nil.
func (r *hostResult) refusedCanary(c *resolved, alt *intent.Alternative) *gatelodge.Problem {
	refuse := func(reason gatelodge.Reason, format string, args ...any) *gatelodge.Problem {
		return intent.Refuse(&c.Applicant, reason, "annotation canary has no effect at %s: %s", alt, fmt.Sprintf(format, args...))
	}
	var main *gatelodge.Route
	if r != nil {
		if i := slices.IndexFunc(r.host.Routes, alt.Fits); i >= 0 {
			main = r.host.Routes[i]
		}
	}
	switch {
	case main == nil:
		return refuse(gatelodge.BadAnnotation, "no main Ingress serves it, and a canary has no routes of its own")
	case main.Object.Namespace != c.Object.Namespace:
		return refuse(gatelodge.PathTaken, "%s serves it, and a canary gets only requests of its own namespace", main.Object)
	case main.Backend == "":
		return refuse(gatelodge.BadAnnotation, "%s redirects it", main.Object)
	case main.Canary == nil:
		return refuse(gatelodge.BadAnnotation, "its backend is the one that %s has", main.Object)
	case main.Canary.Object != c.Object:
		return refuse(gatelodge.PathTaken, "%s has the older canary %s", main.Object, main.Canary.Object)
	}
	return nil
}
