package compile

import (
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// splitByView sets the parts of the host in each view, if its objects are not in all
// views. In a view without any of them, the host has no routes and no certificate.
func (r *hostResult) splitByView() {
	everywhere := func(in *resolved) bool { return in.Views == nil }
	if len(r.shares) == 0 || !slices.ContainsFunc(r.shares, func(in *resolved) bool { return !everywhere(in) }) {
		return
	}
	byView := make(map[string]*gatelodge.Host)
	for _, view := range r.common.views {
		if !slices.ContainsFunc(r.shares, func(in *resolved) bool { return in.IsIn(view) }) {
			continue
		}
		in := *r.host
		isOut := func(route *gatelodge.Route) bool {
			return route.Policy.Views != nil && !slices.Contains(route.Policy.Views, view)
		}
		if in.Routes = slices.DeleteFunc(slices.Clone(in.Routes), isOut); len(in.Routes) == len(r.host.Routes) {
			in.Routes = r.host.Routes
		}
		if rest := r.common.route; rest != nil && !slices.ContainsFunc(in.Routes, func(route *gatelodge.Route) bool {
			return route.Path == rest.Path && route.Match == rest.Match
		}) {
			in.Routes = append(slices.Clip(in.Routes), rest)
		}
		if in.Passthrough != nil && isOut(in.Passthrough) {
			in.Passthrough = nil
		}
		byView[view] = &in
	}
	r.host.ByView = byView
}

// viewNames lists the views of the configuration.
func viewNames(cfg *objects.Config) []string {
	names := make([]string, len(cfg.Views))
	for i := range cfg.Views {
		names[i] = cfg.Views[i].Name
	}
	return names
}

// overlap reports whether two lists of views, nil for all, have one in common.
func overlap(a, b []string) bool {
	return a == nil || b == nil || slices.ContainsFunc(a, func(view string) bool { return slices.Contains(b, view) })
}
