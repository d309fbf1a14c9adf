package compile

import (
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/snippets"
)

// decideServerSnippet determines the server-snippet of the host: the oldest one of the
// owner's namespace, as with client certificates. Routes that another one protects are
// not served without it.
func (r *hostResult) decideServerSnippet() {
	var by *resolved
	for _, in := range r.shares {
		ask := &in.Asked.Snippets
		switch {
		case ask.Server == nil && ask.ServerUnavailable == "":
			continue
		case in.Object.Namespace != r.owner:
			r.problem(in, gatelodge.RuleTaken, "annotation server-snippet has no effect on %s, which is granted to namespace %s", intent.HostName(r.host.Name), r.owner)
		case by == nil:
			by, r.server = in, in
			continue
		case ask.Server.Same(by.Asked.Snippets.Server):
			continue
		default:
			r.problem(in, gatelodge.RuleTaken, "annotation server-snippet has no effect on %s, which has that of %s", intent.HostName(r.host.Name), by.Object)
		}
		if ask.Server == nil || ask.Server.Protects() {
			r.refuse(in, "its server-snippet is not the host's")
		}
	}
	if by == nil {
		return
	}
	for _, in := range r.shares {
		if why := by.Asked.Snippets.ServerUnavailable; why != "" && in.Object.Namespace == r.owner {
			r.refuse(in, why)
		}
	}
}

// serverSnippet returns that of the host, nil for none.
func (r *hostResult) serverSnippet() *snippets.Server {
	if r.server == nil {
		return nil
	}
	return r.server.Asked.Snippets.Server
}

// underServer returns the policy of an Ingress with the host's server-snippet, which
// applies to the owner's namespace.
func (r *hostResult) underServer(in *resolved, policy *gatelodge.Policy) *gatelodge.Policy {
	server := r.serverSnippet()
	if server == nil || in.Object.Namespace != r.owner {
		return policy
	}
	if r.underSnippet == nil {
		r.underSnippet = make(map[*resolved]*gatelodge.Policy)
	}
	if r.underSnippet[in] == nil {
		under := *policy
		under.Snippet = snippets.Snippet(server, in.Asked.Snippets.Location)
		r.underSnippet[in] = &under
	}
	return r.underSnippet[in]
}

// addLocations adds the locations of the server-snippet, and a route for what no path
// is for, so that the server-snippet holds there as well; and puts the routes in the
// order in which nginx looks for a location.
func (r *hostResult) addLocations() {
	server := r.serverSnippet()
	if server == nil {
		return
	}
	routes := server.Routes()
	if !slices.ContainsFunc(r.host.Routes, func(have *gatelodge.Route) bool { return have.Path == "/" && have.Match == gatelodge.PathPrefix }) {
		routes = append(routes, server.Rest())
	}
	for _, route := range routes {
		route.Object, route.Policy.Unavailable = r.server.Object, r.policyOf(r.server).Unavailable
	}
	r.host.Routes = append(routes, r.host.Routes...)
	slices.SortStableFunc(r.host.Routes, snippets.CompareRoutes)
}
