package intent

import (
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/syntax"
)

// Alternative is a path of a canary, which gets a part of its requests if its namespace
// serves the path.
type Alternative struct {
	Host gatelodge.Name
	// Path and Match are those of a route; Path is "" if it can't be a route's. If the
	// main Ingress has regular expressions, Written is compared.
	Path    string
	Match   gatelodge.PathMatch
	Written string
	Port    objects.ServicePort
}

// String formats the path for a message.
func (a *Alternative) String() string {
	if a.Path == "" {
		return fmt.Sprintf("path %.80q of %s", a.Written, HostName(a.Host))
	}
	return fmt.Sprintf("%s path %s of %s", a.Match, a.Path, HostName(a.Host))
}

// Fits reports whether a route is the one of the canary.
func (a *Alternative) Fits(route *gatelodge.Route) bool {
	if route.Match == gatelodge.PathPattern {
		return a.Written == route.Path || a.Path == route.Path
	}
	return a.Path == route.Path && a.Match == route.Match
}

// readCanary reads the paths of a canary. Its default backend stands for the path "/"
// of its hosts.
func (in *Claimant) readCanary(source *networkingv1.Ingress) {
	if in.Asked.Canary.Broken {
		return
	}
	fallback := in.backend(source.Spec.DefaultBackend, "spec.defaultBackend")
	for i := range source.Spec.Rules {
		rule := &source.Spec.Rules[i]
		name, err := syntax.RuleHost(rule.Host)
		if err != nil {
			in.problem(gatelodge.BadHost, "spec.rules[%d]: %v", i, err)
			continue
		}
		if rule.HTTP != nil {
			for j := range rule.HTTP.Paths {
				in.addAlternative(name, &rule.HTTP.Paths[j], fmt.Sprintf("spec.rules[%d].http.paths[%d]", i, j))
			}
		}
		in.addFallback(name, fallback)
	}
	if len(source.Spec.Rules) == 0 {
		in.addFallback("", fallback)
	}
}

func (in *Claimant) addAlternative(host gatelodge.Name, source *networkingv1.HTTPIngressPath, where string) {
	to := in.backend(&source.Backend, where+".backend")
	if to == nil {
		return
	}
	path, match, err := rulePath(source)
	if err != nil {
		path = "" // it may be a regular expression
	}
	in.Alternatives = append(in.Alternatives, Alternative{Host: host, Path: path, Match: match, Written: source.Path, Port: to.Port})
}

func (in *Claimant) addFallback(host gatelodge.Name, to *BackendRef) {
	if to != nil {
		in.Alternatives = append(in.Alternatives, Alternative{Host: host, Path: "/", Match: gatelodge.PathPrefix, Written: "/", Port: to.Port})
	}
}
