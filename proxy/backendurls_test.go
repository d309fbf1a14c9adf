package proxy

import (
	"net/http"
	"regexp"
	"slices"
	"testing"

	gatelodge "gatelodge.dev"
)

// TestBackendURLs: the answers are those of nginx 1.22 with the same proxy_redirect,
// proxy_cookie_domain and proxy_cookie_path, which ingress-nginx's template writes
// from its annotations, but for a Location that is a path: nginx puts its own scheme
// and host before that.
func TestBackendURLs(t *testing.T) {
	text := func(from, to string) *gatelodge.Substitution {
		return &gatelodge.Substitution{From: from, To: []gatelodge.RewritePart{{Text: to}}}
	}
	pattern := func(from string, to ...gatelodge.RewritePart) *gatelodge.Substitution {
		return &gatelodge.Substitution{Pattern: regexp.MustCompile(from), To: to}
	}
	group := func(n int) gatelodge.RewritePart { return gatelodge.RewritePart{Group: n} }
	literal := func(s string) gatelodge.RewritePart { return gatelodge.RewritePart{Text: s} }
	backend := backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Set-Cookie"] = []string{
			"a=1; Domain=.OLD.test; Path=/two/x; HttpOnly; path=/two/",
			"b=2;domain=old.test;  PATH=/TWO/x;Secure",
			"c=3; Domain=sub.old.test; Path=/two; SameSite=Lax",
			"d=4;Domain=a.old.test;Path=/USER/Bob/x",
			"domain=old.test; Path",
			"e=http://old.test/a/; Path=\"/two/\"",
		}
		w.Header().Set("Refresh", "5; url=http://old.test/a/r?q")
		w.Header().Set("Content-Location", "http://old.test/a/")
		w.Header().Set("Location", "http://old.test/a/?x=http://old.test/a/")
		if r.URL.Path == "/upper" {
			w.Header().Set("Location", "HTTP://Old.test/a/b")
		}
		w.WriteHeader(302)
	})
	for _, c := range []struct {
		name              string
		urls              gatelodge.BackendURLs
		path              string
		location, refresh string
		cookies           []string
	}{
		{
			"texts",
			gatelodge.BackendURLs{Redirect: text("http://old.test/a/", "https://new.test/b/"), CookieDomain: text("old.test", "new.test"), CookiePath: text("/two/", "/")},
			"/", "https://new.test/b/?x=http://old.test/a/", "5; url=https://new.test/b/r?q",
			[]string{
				"a=1; Domain=.new.test; Path=/x; HttpOnly; path=/",
				"b=2; domain=new.test; PATH=/TWO/x; Secure",
				"c=3; Domain=sub.old.test; Path=/two; SameSite=Lax",
				"d=4;Domain=a.old.test;Path=/USER/Bob/x",
				"domain=old.test; Path",
				"e=http://old.test/a/; Path=\"/two/\"",
			},
		},
		{
			"expressions",
			gatelodge.BackendURLs{
				Redirect:     pattern("(?i)^http://([^/]+)/(.*)$", literal("/"), group(1), literal("/x/"), group(2)),
				CookieDomain: pattern(`(?i)([a-z]+)\.old\.test$`, group(1), literal(".new.test")),
				CookiePath:   pattern("(?i)^/user/([^/]+)", literal("/u/"), group(1)),
			},
			"/upper", "/Old.test/x/a/b", "5; url=/old.test/x/a/r?q",
			[]string{
				"a=1; Domain=.OLD.test; Path=/two/x; HttpOnly; path=/two/",
				"b=2;domain=old.test;  PATH=/TWO/x;Secure",
				"c=3; Domain=sub.new.test; Path=/two; SameSite=Lax",
				"d=4; Domain=a.new.test; Path=/u/Bob",
				"domain=old.test; Path",
				"e=http://old.test/a/; Path=\"/two/\"",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := start(t, app(gatelodge.BackendHTTP, backend), underPolicy(&gatelodge.Policy{BackendURLs: &c.urls, Redirect: gatelodge.RedirectNever}))
			inModes(t, func(t *testing.T, m mode) {
				h := g.get(m, c.path).Header
				if h.Get("Location") != c.location || h.Get("Refresh") != c.refresh || h.Get("Content-Location") != "http://old.test/a/" || !slices.Equal(h.Values("Set-Cookie"), c.cookies) {
					t.Errorf("got %q", h)
				}
			})
		})
	}
}

// TestBackendURLsOfTheGateway: redirects and cookies of the gateway stay.
func TestBackendURLsOfTheGateway(t *testing.T) {
	policy := &gatelodge.Policy{
		Redirect: gatelodge.RedirectNever,
		AppRoot:  "/old/", Affinity: &gatelodge.Affinity{Cookie: "session", Path: "/old/"},
		BackendURLs: &gatelodge.BackendURLs{
			Redirect:   &gatelodge.Substitution{From: "http", To: []gatelodge.RewritePart{{Text: "never"}}},
			CookiePath: &gatelodge.Substitution{From: "/old/", To: []gatelodge.RewritePart{{Text: "/new/"}}},
		},
	}
	g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, ok)), underPolicy(policy))
	if got := g.get(h1, "/").Header.Get("Location"); got != "http://"+appHost+"/old/" {
		t.Errorf("got Location %q", got)
	}
	a := g.get(h1, "/page")
	if cookies := a.Cookies(); len(cookies) != 1 || cookies[0].Path != "/old/" {
		t.Errorf("got %v", a.Header)
	}
}
