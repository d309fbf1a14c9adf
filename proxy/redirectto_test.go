package proxy

import (
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
)

// TestRedirectTo: what a location holds of the request, and which requests are
// redirected at all. A redirect to another place comes before the one to HTTPS, as
// in nginx, whose rewrite phase is before its access phase.
func TestRedirectTo(t *testing.T) {
	text := func(s string) gatelodge.TemplatePart { return gatelodge.TemplatePart{Text: s} }
	value := func(v gatelodge.RequestValue) gatelodge.TemplatePart { return gatelodge.TemplatePart{Value: v} }
	to := func(status uint16, parts ...gatelodge.TemplatePart) *gatelodge.Policy {
		return &gatelodge.Policy{Redirect: gatelodge.RedirectAlways, RedirectTo: &gatelodge.RedirectTo{Status: status, Location: parts}}
	}
	const path = "/a/../%61?q=1"
	for _, c := range []struct {
		name   string
		policy *gatelodge.Policy
		path   string
		status int
		want   string // Location, where SCHEME and AUTHORITY are the request's
	}{
		{"a text", to(301, text("https://new.example.test/x")), path, 301, "https://new.example.test/x"},
		{"the target as it was sent", to(308, text("https://new.example.test"), value(gatelodge.RequestTarget)), path, 308, "https://new.example.test" + path},
		{"the canonical path", to(302, text("https://new.example.test"), value(gatelodge.RequestPath), value(gatelodge.RequestQueryMark), value(gatelodge.RequestQuery)), path, 302, "https://new.example.test/a?q=1"},
		{"no query", to(302, text("https://new.example.test/"), value(gatelodge.RequestQueryMark), value(gatelodge.RequestQuery)), "/", 302, "https://new.example.test/"},
		{"scheme and host", to(307, value(gatelodge.RequestScheme), text("://www."), value(gatelodge.RequestHost), text("/")), "/", 307, "SCHEME://www." + appHost + "/"},
		{"the authority", to(303, value(gatelodge.RequestScheme), text("://"), value(gatelodge.RequestAuthority), text("/x")), "/", 303, "SCHEME://AUTHORITY/x"},
		{"app-root", &gatelodge.Policy{Redirect: gatelodge.RedirectNever, AppRoot: "/app?first=1"}, "/?q=1", 302, "SCHEME://AUTHORITY/app?first=1"},
		{"app-root, another way to write it", &gatelodge.Policy{Redirect: gatelodge.RedirectNever, AppRoot: "/app"}, "/x/..", 302, "SCHEME://AUTHORITY/app"},
		{"app-root before a redirect", &gatelodge.Policy{Redirect: gatelodge.RedirectNever, AppRoot: "/app", RedirectTo: &gatelodge.RedirectTo{Status: 301, Location: gatelodge.Template{{Text: "https://new.test"}}}}, "/", 302, "SCHEME://AUTHORITY/app"},
		{"app-root elsewhere", &gatelodge.Policy{Redirect: gatelodge.RedirectNever, AppRoot: "/app"}, "/app", 200, ""},
		{"before a password is asked for", &gatelodge.Policy{BasicAuth: &gatelodge.BasicAuth{Realm: "x"}, RedirectTo: &gatelodge.RedirectTo{Status: 301, Location: gatelodge.Template{text("https://new.example.test/")}}}, "/", 301, "https://new.example.test/"},
		{"not where the route can't be served", &gatelodge.Policy{Unavailable: "x", Redirect: gatelodge.RedirectNever, RedirectTo: &gatelodge.RedirectTo{Status: 301, Location: gatelodge.Template{text("https://new.example.test/")}}}, "/", 503, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			inModes(t, func(t *testing.T, m mode) {
				g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, ok)), func(s *gatelodge.Snapshot) {
					onlyHost(s).Routes[0].Policy = c.policy
				})
				r := newRequest(t, "GET", m.url(appHost, c.path), nil)
				answer := do(t, g.client(m), r)
				want := strings.NewReplacer("SCHEME", r.URL.Scheme, "AUTHORITY", r.URL.Host).Replace(c.want)
				if answer.StatusCode != c.status || answer.Header.Get("Location") != want {
					t.Errorf("got %d to %q, want %d to %q", answer.StatusCode, answer.Header.Get("Location"), c.status, want)
				}
			})
		})
	}
}
