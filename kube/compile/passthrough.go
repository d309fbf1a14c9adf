package compile

import (
	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/claims"
	"gatelodge.dev/kube/intent"
)

// passThrough passes on the TLS connections for the host if an object of its owner asks
// for that: to the backend of its path "/", as in ingress-nginx. Other objects with
// paths of the host get a problem, because these are not reached over TLS.
func (r *hostResult) passThrough(granted *claims.Grant) {
	var by *resolved
	for _, in := range r.shares {
		switch {
		case !in.Asked.Passthrough:
		case in.Object.Namespace != r.owner:
			r.problem(in, gatelodge.HostTaken, "annotation ssl-passthrough has no effect on %s, which is granted to namespace %s", intent.HostName(r.host.Name), r.owner)
		case granted.Name == "":
			r.problem(in, gatelodge.BadAnnotation, "annotation ssl-passthrough has no effect on rules without a host: an encrypted connection can be recognised only by its host name")
		case by == nil:
			if r.host.Passthrough = r.rootOf(in); r.host.Passthrough == nil {
				r.problem(in, gatelodge.BadAnnotation, "annotation ssl-passthrough has no effect on %s, for which this object has no backend at path /", intent.HostName(r.host.Name))
				continue
			}
			by = in
		}
	}
	if by == nil {
		return
	}
	told := map[*resolved]bool{by: true}
	for _, in := range r.shares {
		if !told[in] {
			told[in] = true
			r.problem(in, gatelodge.PathTaken, "%s passes all connections over TLS for %s on to its own backend, so the paths of this object are served only over plain HTTP", by.Object, intent.HostName(r.host.Name))
		}
	}
}

// rootOf returns the object's route for every path, nil if it has none.
func (r *hostResult) rootOf(in *resolved) *gatelodge.Route {
	for _, route := range r.host.Routes {
		if route.Object == in.Object && route.Path == "/" && route.Match != gatelodge.PathExact && route.Backend != "" {
			return route
		}
	}
	return nil
}
