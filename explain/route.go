package explain

import (
	"fmt"
	"net/url"
	"strings"

	gatelodge "gatelodge.dev"
)

// redirect describes where a request is redirected.
func (t *timeline) redirect() *Step {
	if t.route == nil {
		return nil
	}
	s := &Step{Kind: Redirect, Title: "Redirect", State: OK}
	p := t.route.Policy
	for _, r := range t.requests {
		if strings.HasPrefix(r.Reason, "redirect to HTTPS, though") {
			s.worse(Broken, "clients are redirected in a loop: "+strings.TrimPrefix(r.Reason, "redirect to HTTPS, though "),
				"write the networks of the proxy in front of this gateway into trust.forwarded, or have it speak HTTPS with the gateway")
			return s
		}
	}
	switch {
	case p.RedirectTo != nil:
		s.Text = fmt.Sprintf("every request is answered with %d to %s", p.RedirectTo.Status, p.RedirectTo.Location)
		if p.Snippet != nil {
			s.Text += ", but for those that a snippet answers or ends before"
		}
		if t.leadsBack(p.RedirectTo.Location.String()) {
			s.worse(Broken, fmt.Sprintf("every request is redirected to its own URL: %d to %s", p.RedirectTo.Status, p.RedirectTo.Location),
				"correct the annotation permanent-redirect or temporal-redirect")
		}
	case t.Scheme == "http" && t.toHTTPS():
		s.Text = "308 to the same URL with https, which is followed here"
	case t.Scheme == "http":
		s.State, s.Text = Info, "none: HTTP is not redirected"
	case p.AppRoot != "" && t.Path == "/":
		s.Text = fmt.Sprintf("/ is redirected to %s (302)", p.AppRoot)
	default:
		return nil
	}
	return s
}

// toHTTPS reports whether a request in clear text is redirected to HTTPS.
func (t *timeline) toHTTPS() bool {
	switch t.route.Policy.Redirect {
	case gatelodge.RedirectNever:
		return false
	case gatelodge.RedirectAlways:
		return true
	}
	return t.Snapshot.Settings.RedirectHTTPS && t.listener("https") != nil && (t.host.Certified() || t.host.Passthrough != nil)
}

// leadsBack reports whether a redirect leads to the URL itself.
func (t *timeline) leadsBack(location string) bool {
	to, err := url.Parse(location)
	if err != nil || to.RawQuery != "" {
		return false
	}
	path := to.Path
	if path == "" {
		path = "/"
	}
	return strings.EqualFold(to.Hostname(), string(t.Name)) && path == t.Path && (to.Scheme == "" || to.Scheme == t.Scheme)
}

// choice describes the route, and the other routes of the host.
func (t *timeline) choice() *Step {
	if t.host == nil {
		return nil // the owner step says why
	}
	s := &Step{Kind: Route, Title: "Route", State: OK}
	defer func() {
		s.tell(Warning, t.take(nil, gatelodge.PathTaken, gatelodge.BadPath, gatelodge.RuleTaken))
	}()
	if t.host.Passthrough != nil && t.Scheme == "https" {
		s.Text = fmt.Sprintf("connections over TLS are passed on unchanged to %s by %s: paths, policies and certificates of this gateway don't apply", t.host.Passthrough.Backend, t.host.Passthrough.Object)
		s.State = Info
		t.route = t.host.Passthrough
		return s
	}
	for _, r := range t.host.Routes {
		label := fmt.Sprintf("%s %s", r.Match, r.Path)
		switch {
		case r == t.route:
			s.add(OK, label, "is taken, by "+r.Object.String())
		case !r.Matches(gatelodge.PathForm(t.Path)):
			s.add(Info, label, t.whyNot(r)+" ("+r.Object.String()+")")
		default:
			s.add(Info, label, t.whyBeaten(r)+" ("+r.Object.String()+")")
		}
	}
	if t.route == nil {
		s.worse(Broken, t.noRoute(), "add a rule for the path, or correct its path or pathType")
		return s
	}
	s.Text = fmt.Sprintf("%s %s by %s", t.route.Match, t.route.Path, t.route.Object)
	for _, r := range t.host.Routes {
		if r != t.route && r.Object != t.route.Object && r.Matches(gatelodge.PathForm(t.Path)) {
			s.Text += fmt.Sprintf(", which takes precedence over %s %s by %s: %s", r.Match, r.Path, r.Object, t.whyBeaten(r))
			break
		}
	}
	if c := t.route.Canary; c != nil {
		s.add(Info, "canary", fmt.Sprintf("a part of the requests goes to %s, by %s", c.Backend, c.Object))
	}
	return s
}

// noRoute describes the most similar path of the host.
func (t *timeline) noRoute() string {
	text := fmt.Sprintf("no path of host %s matches %s", t.host.Name, t.Path)
	for _, r := range t.host.Routes {
		if near := t.whyNot(r); near != differs {
			return fmt.Sprintf("%s: %s %s by %s %s", text, r.Match, r.Path, r.Object, near)
		}
	}
	if len(t.host.Routes) == 0 {
		return fmt.Sprintf("host %s has no routes", t.host.Name)
	}
	return text
}

// differs is the reason for a path without a similarity.
const differs = "is another path"

// whyNot returns why a route does not match.
func (t *timeline) whyNot(r *gatelodge.Route) string {
	path, has := gatelodge.PathForm(t.Path), strings.TrimSuffix(r.Path, "/")
	switch {
	case r.Match == gatelodge.PathExact && strings.HasPrefix(path, has+"/"):
		return fmt.Sprintf("has pathType Exact, so it matches only %s", r.Path)
	case r.Match == gatelodge.PathPrefix && has != "" && strings.HasPrefix(path, has):
		return fmt.Sprintf("has pathType Prefix, which compares whole elements: %s is another element", strings.TrimPrefix(path, parent(has)))
	case r.Match == gatelodge.PathPattern && strings.HasPrefix(path, has):
		return "is a regular expression that the path does not match"
	case strings.EqualFold(path, r.Path):
		return "differs in upper and lower case"
	}
	return differs
}

func parent(path string) string { return path[:strings.LastIndexByte(path, '/')+1] }

// whyBeaten returns why a route that matches is not used.
func (t *timeline) whyBeaten(r *gatelodge.Route) string {
	switch {
	case len(r.Path) < len(t.route.Path):
		return "the longer path takes precedence"
	case t.route.Match == gatelodge.PathStartFirst:
		return "^~ takes precedence over regular expressions"
	case r.Match != t.route.Match && t.route.Match == gatelodge.PathExact:
		return "an Exact path takes precedence over others of its length"
	}
	return "the other path is first in the order of the host"
}
