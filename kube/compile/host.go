package compile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/claims"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/syntax"
)

// hostResult is a Host and its inputs.
type hostResult struct {
	owner     string
	shares    []*resolved
	inherited []*gatelodge.Certificate // those of the wildcard above it, and those that the gateway ordered
	common    *common
	handed    *gatelodge.Certificate // the newest that is handed over, see handover.go; nil: none
	patterns  bool                   // its paths are regular expressions

	server       *resolved                       // with the host's server-snippet; nil: none
	underSnippet map[*resolved]*gatelodge.Policy // under that

	host     *gatelodge.Host
	refused  map[*resolved]*gatelodge.Policy // of those whose rule for the host can't be kept
	refs     []*intent.BackendRef
	problems []gatelodge.Problem
	requests []certificateRequest
}

// certificateRequest is an Ingress that requests a certificate for a host.
type certificateRequest struct {
	object   gatelodge.Object
	explicit bool                   // by annotation, not only because spec.tls leaves it open where it comes from
	byClass  objects.CertificateAsk // as far as its annotations say nothing
}

// routesKey contains all inputs of the routes of a host with one claimant, except those
// that all hosts have in common.
type routesKey struct {
	by       *resolved
	policy   *gatelodge.Policy
	paths    *intent.PathAsk // the first of a list; nil: it is empty
	fallback *intent.BackendRef
}

// keyOfRoutes returns the key of a host's routes; ok is false if several claimants have
// some.
func (r *hostResult) keyOfRoutes(granted *claims.Grant) (key routesKey, ok bool) {
	if len(granted.Shares) != 1 {
		return key, false
	}
	claim := granted.Shares[0].Claim
	key = routesKey{by: r.shares[0], policy: r.policyOf(r.shares[0]), fallback: claim.Fallback}
	if len(claim.Paths) > 0 {
		key.paths = &claim.Paths[0]
	}
	return key, true
}

// makeHost makes the host of a name. Hosts that were made before, by the keys of their
// routes, have lists of routes that it may share.
func makeHost(granted *claims.Grant, res *resolution, inherited []*gatelodge.Certificate, c *common, made map[routesKey]*hostResult) *hostResult {
	r := &hostResult{
		owner:     granted.Namespace(),
		inherited: inherited,
		common:    c,
		host:      &gatelodge.Host{Name: granted.Name, Owner: granted.Namespace(), Contact: granted.Contact},
	}
	if len(granted.Shares) > 0 {
		r.host.ShortOf = granted.Shares[0].Claim.ShortOf
	}
	for _, s := range granted.Shares {
		r.shares = append(r.shares, res.results.Get(s.By.Key()))
	}
	r.patterns = slices.ContainsFunc(r.shares, func(in *resolved) bool { return in.Object.Namespace == r.owner && in.Patterns })
	r.decideClientAuth()
	r.decideServerSnippet()
	key, single := r.keyOfRoutes(granted)
	if single && len(res.canariesOf(r.owner, granted.Shares[0].By.HostOf(granted.Name))) > 0 {
		single = false // which other names with these paths may not have
	}
	if like := made[key]; single && like != nil {
		r.host.Routes, r.refs = like.host.Routes, like.refs
	} else {
		problems := len(r.problems)
		r.addRoutes(granted)
		r.addCanaries(granted, res)
		if single && len(r.problems) == problems { // each host reports its own
			made[key] = r
		}
	}
	r.passThrough(granted)
	if granted.Name != "" {
		r.addCertificates()
	}
	r.splitByView()
	return r
}

// pathKey identifies a route of a host in a view.
type pathKey struct {
	path  string
	match gatelodge.PathMatch
}

// takenPaths contains the routes with the paths, of different views.
type takenPaths map[pathKey][]*gatelodge.Route

// by returns the route with the path in one of these views (nil means all), or nil.
func (t takenPaths) by(key pathKey, views []string) *gatelodge.Route {
	for _, route := range t[key] {
		if overlap(route.Policy.Views, views) {
			return route
		}
	}
	return nil
}

// addRoutes gives each path to the oldest claimant. Default backends come after every
// rule, even those of other objects.
func (r *hostResult) addRoutes(granted *claims.Grant) {
	taken := make(takenPaths)
	for i, s := range granted.Shares {
		for j := range s.Claim.Paths {
			r.addPath(r.shares[i], &s.Claim.Paths[j], taken)
		}
	}
	r.addRootRedirects(granted, taken)
	root := pathKey{path: "/", match: gatelodge.PathPrefix}
	rules := maps.Clone(taken)
	for i, s := range granted.Shares {
		if s.Claim.Fallback != nil && rules.by(root, r.shares[i].Views) == nil {
			r.addPath(r.shares[i], &intent.PathAsk{Path: root.path, Match: root.match, Backend: s.Claim.Fallback}, taken)
		}
	}
	if r.common.route != nil && len(taken[root]) == 0 {
		r.addRoute(r.common.route, r.common.fallback)
	}
	slices.SortFunc(r.host.Routes, compareRoutes)
	r.addLocations()
}

func (r *hostResult) addPath(in *resolved, ask *intent.PathAsk, taken takenPaths) {
	if in.Patterns && !r.patterns {
		r.problem(in, gatelodge.BadPath, "%s is granted to namespace %s, whose paths are not regular expressions, so the paths of this object are left out", intent.HostName(r.host.Name), r.owner)
		return
	}
	if r.patterns {
		ask = asPattern(ask)
	}
	policy, to := r.policyFor(in, ask.Path), ask.Backend
	if ask.RedirectTo != nil {
		policy = new(*policy)
		policy.RedirectTo, policy.AppRoot, policy.Snippet = ask.RedirectTo, "", nil // they belong to the target of the redirect
	}
	if policy.Rewrite != nil && ask.Path == policy.Rewrite.String() {
		policy = new(*policy)
		policy.Rewrite = nil // it has no effect
	}
	if to != nil {
		if host := syntax.WithBackend(policy.UpstreamHost, to.Port.Namespace, to.Port.Name, to.Port.Port); host != policy.UpstreamHost {
			policy = new(*policy)
			policy.UpstreamHost = host
		}
	}
	var backend gatelodge.BackendKey
	if policy.RedirectTo != nil && !policy.Snippet.PassesRedirect() {
		to = nil // it never gets a request, so it can't be missing
	} else {
		backend = to.Key
	}
	key := pathKey{ask.Path, ask.Match}
	if winner := taken.by(key, policy.Views); winner != nil {
		by := winner.Object.String()
		if winner.Object == in.Object {
			if winner.Backend == backend {
				return // /a and /a/ are often both written
			}
			by = "an earlier rule of the same object"
		}
		r.problem(in, gatelodge.PathTaken, "%s path %s of %s is taken by %s", ask.Match, ask.Path, intent.HostName(r.host.Name), by)
		return
	}
	route := &gatelodge.Route{Path: ask.Path, Match: ask.Match, Pattern: ask.Pattern, Backend: backend, Policy: policy, Object: in.Object}
	taken[key] = append(taken[key], route)
	r.addRoute(route, to)
	if authBackend(policy) != "" {
		r.addRef(in.auth)
	}
	r.addRef(in.errorRef)
	if to != nil {
		r.addRef(in.Mirror)
	}
}

// addRootRedirects redirects "/" by an app-root if no path serves it. The route names a
// backend that never gets a request from it.
func (r *hostResult) addRootRedirects(granted *claims.Grant, taken takenPaths) {
	for i, s := range granted.Shares {
		in := r.shares[i]
		policy := r.policyOf(in)
		if policy.AppRoot == "" || len(s.Claim.Paths) == 0 || slices.ContainsFunc(r.host.Routes, func(to *gatelodge.Route) bool {
			return to.Matches("/") && overlap(to.Policy.Views, policy.Views)
		}) {
			continue
		}
		route := &gatelodge.Route{Path: "/", Match: gatelodge.PathExact, Policy: policy, Object: in.Object}
		to := s.Claim.Paths[0].Backend
		if policy.RedirectTo != nil && !policy.Snippet.PassesRedirect() {
			to = nil
		}
		if to != nil {
			route.Backend = to.Key
		}
		key := pathKey{route.Path, route.Match}
		taken[key] = append(taken[key], route)
		r.addRoute(route, to)
	}
}

// asPattern returns the path as a regular expression, because all paths of a host are
// regular expressions if its owner's are, as in ingress-nginx.
func asPattern(ask *intent.PathAsk) *intent.PathAsk {
	if ask.Match == gatelodge.PathPattern || ask.Path == "/" && ask.Match == gatelodge.PathPrefix {
		return ask
	}
	pattern := *ask
	pattern.Match = gatelodge.PathPattern // without Pattern it matches only itself
	return &pattern
}

func (r *hostResult) addRoute(route *gatelodge.Route, to *intent.BackendRef) {
	r.host.Routes = append(r.host.Routes, route)
	r.addRef(to)
}

// addRef adds a reference that may be nil.
func (r *hostResult) addRef(to *intent.BackendRef) {
	if to != nil && !slices.ContainsFunc(r.refs, func(have *intent.BackendRef) bool { return have.Key == to.Key }) {
		r.refs = append(r.refs, to)
	}
}

// maxHostProblems limits the problems of one host; more would not help an author.
const maxHostProblems = 20

func (r *hostResult) problem(in *resolved, reason gatelodge.Reason, format string, args ...any) {
	if len(r.problems) < maxHostProblems {
		r.problems = append(r.problems, gatelodge.Problem{Object: in.Object, Reason: reason, Message: fmt.Sprintf(format, args...)})
	}
}

// compareRoutes orders the longest path first, and an Exact one before a Prefix of the
// same length, as in Ingress v1. Of two different paths of one length at most one
// matches a request, except patterns, which are in ingress-nginx's order.
func compareRoutes(a, b *gatelodge.Route) int {
	if a.Match == gatelodge.PathPattern && b.Match == gatelodge.PathPattern && len(a.Path) == len(b.Path) {
		return strings.Compare(b.Path, a.Path)
	}
	return cmp.Or(
		cmp.Compare(len(b.Path), len(a.Path)),
		cmp.Compare(b.Match, a.Match),
		strings.Compare(a.Path, b.Path),
	)
}

// addCertificates lists the certificates that cover the host: those of Secrets, then
// those that the gateway ordered, then the defaults, and of each source the host's own
// before those of the wildcard above it. Of each source one is kept for each type of
// key, for the client's choice; those that must be replaced at once come last. A Secret
// serves only hosts of its own namespace, even if others may add paths.
func (r *hostResult) addCertificates() {
	var covering []*gatelodge.Certificate
	for _, in := range r.shares {
		for i := range in.TLS {
			if !in.TLS[i].Covers(r.host.Name) {
				continue
			}
			certificate := in.certificates[i]
			if in.Object.Namespace != r.owner {
				if certificate != nil {
					r.problem(in, gatelodge.HostTaken, "%s does not serve host %s, which is granted to namespace %s", certificate.Object, r.host.Name, r.owner)
				}
				continue
			}
			r.host.WantsTLS = true
			switch {
			case certificate == nil:
			case certificate.Covers(r.host.Name):
				covering = append(covering, certificate)
			default:
				r.problem(in, gatelodge.BadCertificate, "the certificate in %s is for %s, not for host %s", certificate.Object, claims.JoinNames(certificate.Names), r.host.Name)
			}
		}
	}
	for _, certificate := range slices.Concat(r.inherited, r.common.certificates) {
		if certificate.Covers(r.host.Name) {
			covering = append(covering, certificate)
		}
	}
	r.handed = r.handedOver(covering)
	slices.SortStableFunc(covering, func(a, b *gatelodge.Certificate) int {
		return cmp.Or(compareFlawed(a, b), cmp.Compare(r.rank(a), r.rank(b)))
	})
	for _, certificate := range covering {
		r.addCertificate(certificate)
	}
	r.addRequests()
	r.tellOtherAsks()
}

// compareFlawed orders certificates that must be replaced at once last.
func compareFlawed(a, b *gatelodge.Certificate) int {
	switch {
	case a.Flaw == nil && b.Flaw != nil:
		return -1
	case a.Flaw != nil && b.Flaw == nil:
		return 1
	}
	return 0
}

// rank orders certificates by their sources, except that the replacement of a handed
// over one comes before it.
func (r *hostResult) rank(c *gatelodge.Certificate) int {
	if r.isReplacement(c) {
		return -1
	}
	return slices.Index([]gatelodge.CertificateSource{gatelodge.FromSecret, gatelodge.FromACME, gatelodge.FromDefault}, c.Source)
}

// addRequests records the Ingresses that request a certificate. A usable Secret makes
// that unnecessary unless it is handed over; a default certificate only if no Ingress
// requests one for the host.
func (r *hostResult) addRequests() {
	has := func(source gatelodge.CertificateSource) bool {
		return slices.ContainsFunc(r.host.Certificates, func(c *gatelodge.Certificate) bool { return c.Source == source && c.Flaw == nil })
	}
	if has(gatelodge.FromSecret) && r.handed == nil || r.host.Passthrough != nil { // its backend has one
		return
	}
	byDefault := has(gatelodge.FromDefault)
	for _, in := range r.shares {
		if in.Object.Namespace != r.owner {
			continue // it may only add paths
		}
		asks := slices.ContainsFunc(in.TLS, func(entry intent.TLSEntry) bool { return entry.Covers(r.host.Name) })
		switch {
		case in.Asked.ACME == annotations.ACMEYes:
			r.host.WantsTLS = true
			r.requests = append(r.requests, certificateRequest{in.Object, true, in.Asked.ByClass})
		case in.Asked.ACME == annotations.ACMEUnset && asks && !byDefault:
			r.requests = append(r.requests, certificateRequest{in.Object, false, in.Asked.ByClass})
		}
	}
}

func (r *hostResult) addCertificate(c *gatelodge.Certificate) {
	if !slices.ContainsFunc(r.host.Certificates, func(have *gatelodge.Certificate) bool {
		return have.Source == c.Source && have.Algorithm == c.Algorithm
	}) {
		r.host.Certificates = append(r.host.Certificates, c)
	}
}
